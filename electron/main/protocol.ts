import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { protocol } from 'electron'
import { warnUnlessCode } from '../../core/dropped-errors.ts'
import { pageWithPolicy } from './page-policy.ts'

/** The page's own scheme; `holdfast:` is for pairing codes, which come from untrusted sources. */
const SCHEME = 'holdfast-page'
/** The origin of the window's page; every message from the window is checked against it. */
export const WINDOW_ORIGIN = `${SCHEME}://window`
export const WINDOW_PAGE = `${WINDOW_ORIGIN}/index.html`

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.map': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** Must be called before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the built page's files once `ready` resolves; unlike with file://, no others can be read. */
export function servePage(directory: string, ready: Promise<unknown>): void {
  protocol.handle(SCHEME, async (request) => {
    const { pathname } = new URL(request.url)
    const file = path.normalize(path.join(directory, decodeURIComponent(pathname)))
    const contentType = CONTENT_TYPES[path.extname(file)]
    if (
      parseOrigin(request.url) !== WINDOW_ORIGIN ||
      !file.startsWith(directory + path.sep) ||
      contentType === undefined
    ) {
      return new Response(null, { status: 404 })
    }
    await ready
    try {
      return answer(new Uint8Array(await readFile(file)), contentType)
    } catch (error) {
      warnUnlessCode(error, ['ENOENT'], 'a file of the window cannot be read')
      return new Response(null, { status: 404 })
    }
  })
}

function answer(body: Uint8Array<ArrayBuffer>, contentType: string): Response {
  const headers = { 'content-type': contentType, 'x-content-type-options': 'nosniff' }
  if (!contentType.startsWith('text/html')) return new Response(body, { headers })
  const page = pageWithPolicy(new TextDecoder().decode(body))
  return new Response(page.body, { headers: { ...headers, 'content-security-policy': page.policy } })
}

/** Returns the origin of an address; that of URL is "null" for schemes unknown to browsers. */
export function parseOrigin(address: string): string | null {
  if (!URL.canParse(address)) return null
  const { protocol: scheme, host } = new URL(address)
  return `${scheme}//${host}`
}
