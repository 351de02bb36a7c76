import { app, session, type WebContents } from 'electron'
import { WINDOW_ORIGIN } from './protocol.ts'

/**
 * The window shows Holdfast's own page and nothing else: no other page, no new window, no web view, no
 * permission (Electron's security checklist, items 5, 13, 14 and 17).
 */
export function lockDown(): void {
  app.on('web-contents-created', (_event, contents) => lockContents(contents))
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => decide(false))
  session.defaultSession.setPermissionCheckHandler(() => false)
}

function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (event, url) => {
    if (new URL(url).origin !== WINDOW_ORIGIN) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
