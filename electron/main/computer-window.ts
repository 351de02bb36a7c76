import { X509Certificate } from 'node:crypto'
import { BrowserWindow, type Session, session } from 'electron'
import { describeUnreachable } from '../../core/agent/parts/computers/connect.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { WatchedComputer } from '../../core/settings/schema.ts'
import { windowOptions } from './page.ts'
import { parseOrigin } from './protocol.ts'
import { limitPermissions } from './security.ts'
import { letZoom } from './zoom.ts'

/** The results that Electron's setCertificateVerifyProc accepts. */
const VERIFIED = 0
const REFUSED = -2
const AS_CHROMIUM_DECIDES = -3

/** Open windows and what they show, by the ids of the computers. */
const windows = new Map<string, { browser: BrowserWindow; computer: WatchedComputer }>()

/** Closes the windows of computers that are no longer watched, or have another address or certificate. */
export function closeOtherComputers(watched: readonly WatchedComputer[]): void {
  for (const [id, { browser, computer }] of windows) {
    const now = watched.find((one) => one.id === id)
    if (now?.address !== computer.address || now.certificate !== computer.certificate) browser.close()
  }
}

/**
 * Opens a window with the web page of a watched computer, and signs in with its token. The page has no access to this
 * computer: the window has no preload script, separate cookies, no other server, and no permission but to copy.
 * @throws UserError computer.wrongToken, computer.unreachable
 */
export async function showComputer(
  application: string,
  computer: WatchedComputer,
  token: string,
): Promise<void> {
  const { id, name, address } = computer
  const open = windows.get(id)
  if (open !== undefined) return open.browser.show()
  // Without "persist:" it is in memory.
  const own = session.fromPartition(`computer-${id}`)
  confine(own, computer)
  await signIn(own, computer, token)
  const browser = new BrowserWindow(windowOptions(application, { session: own }, name))
  windows.set(id, { browser, computer })
  browser.on('closed', () => windows.delete(id))
  browser.on('page-title-updated', (event) => event.preventDefault())
  browser.once('ready-to-show', () => browser.show())
  browser.removeMenu()
  letZoom(browser.webContents)
  // A page that fails to load is shown as such by Chromium, and its row has the reason.
  browser.loadURL(address).catch(ignoreError('the row of the computer shows the reason'))
}

function confine(own: Session, { address, certificate }: WatchedComputer): void {
  limitPermissions(own)
  own.setCertificateVerifyProc(({ certificate: shown }, decide) => {
    if (certificate === null) return decide(AS_CHROMIUM_DECIDES)
    const fingerprint = new X509Certificate(shown.data).fingerprint256.replaceAll(':', '').toLowerCase()
    decide(fingerprint === certificate ? VERIFIED : REFUSED)
  })
  const origin = parseOrigin(address)
  const urls = ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*']
  own.webRequest.onBeforeRequest({ urls }, ({ url }, decide) =>
    decide({ cancel: parseOrigin(url) !== origin }),
  )
}

/** Exchanges the token for the cookie of a session, which no page can read. */
async function signIn(own: Session, computer: WatchedComputer, token: string): Promise<void> {
  const { name, address } = computer
  const response = await own
    .fetch(new URL('api/session', address).href, {
      method: 'POST',
      credentials: 'include',
      // Otherwise Electron reports that no page has sent it, which is refused as if another page had.
      headers: { 'x-holdfast': '1', 'content-type': 'application/json', origin: new URL(address).origin },
      body: JSON.stringify({ token }),
    })
    .catch((error: unknown) => {
      const { key, params } = describeUnreachable(error, computer)
      throw new UserError(key, params, { cause: error })
    })
  if (response.status === 401) throw new UserError('computer.wrongToken', { name, address })
  if (!response.ok) throw new UserError('computer.noOverview', { address, status: response.status })
}
