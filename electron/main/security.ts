import { app, type Session, session, type WebContents } from 'electron'
import { parseOrigin, WINDOW_ORIGIN } from './protocol.ts'

/**
 * Restricts the window to Holdfast's own page: no other page, no new window, no web view, and a single permission
 * (Electron's security checklist, items 5, 13, 14 and 17).
 */
export function lockDown(): void {
  app.on('web-contents-created', (_event, contents) => lockContents(contents))
  limitPermissions(session.defaultSession)
}

/** The page copies paths to the clipboard; it needs no other permission. */
export function limitPermissions(of: Session): void {
  const isAllowed = (permission: string) => permission === 'clipboard-sanitized-write'
  of.setPermissionRequestHandler((_contents, permission, decide) => decide(isAllowed(permission)))
  of.setPermissionCheckHandler((_contents, permission) => isAllowed(permission))
}

function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (event, url) => {
    if (parseOrigin(url) !== WINDOW_ORIGIN) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
