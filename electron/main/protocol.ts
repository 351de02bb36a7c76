import { protocol } from 'electron'
import { readPageFile } from '../../core/agent/web/page-files.ts'

/** The page's own scheme; `holdfast:` is for pairing codes, which come from untrusted sources. */
const SCHEME = 'holdfast-page'
/** The origin of the window's page; every message from the window is checked against it. */
export const WINDOW_ORIGIN = `${SCHEME}://window`
export const WINDOW_PAGE = `${WINDOW_ORIGIN}/index.html`

/** Must be called before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the built page's files once `ready` resolves; unlike with file://, no others can be read. */
export function servePage(directory: string, ready: Promise<unknown>): void {
  protocol.handle(SCHEME, async (request) => {
    await ready
    const isOwn = parseOrigin(request.url) === WINDOW_ORIGIN
    const file = isOwn ? await readPageFile(directory, new URL(request.url).pathname, 'none') : null
    if (file === null) return new Response(null, { status: 404 })
    return new Response(file.body, { headers: file.headers })
  })
}

/** Returns the origin of an address; that of URL is "null" for schemes unknown to browsers. */
export function parseOrigin(address: string): string | null {
  if (!URL.canParse(address)) return null
  const { protocol: scheme, host } = new URL(address)
  return `${scheme}//${host}`
}
