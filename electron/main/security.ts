import { app, session, type WebContents } from 'electron'
import { originOf, WINDOW_ORIGIN } from './protocol.ts'

/**
 * The window shows Holdfast's own page and nothing else: no other page, no new window, no web view, and no
 * permission but one (Electron's security checklist, items 5, 13, 14 and 17).
 */
export function lockDown(): void {
  app.on('web-contents-created', (_event, contents) => lockContents(contents))
  // Copying a path is the one thing that the page asks for.
  const isAllowed = (permission: string) => permission === 'clipboard-sanitized-write'
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) =>
    decide(isAllowed(permission)),
  )
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => isAllowed(permission))
}

function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (event, url) => {
    if (originOf(url) !== WINDOW_ORIGIN) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
