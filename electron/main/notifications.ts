import { Notification } from 'electron'
import type { Notification as Words } from '../../core/agent/host.ts'

/** Shown ones, kept so that their click still works; the desktop closes them, at most this many are known. */
const KEPT = 20

/** Shows notifications through the desktop's own notification service. */
export function createNotifier(icon: string, clicked: () => void): (notification: Words) => void {
  const shown: Notification[] = []
  return ({ title, body, urgent }) => {
    if (!Notification.isSupported()) return
    const notification = new Notification({
      title,
      body: process.platform === 'linux' ? escapeMarkup(body) : body,
      icon,
      urgency: urgent ? 'critical' : 'normal',
      timeoutType: urgent ? 'never' : 'default',
    })
    notification.on('click', clicked)
    notification.show()
    shown.push(notification)
    if (shown.length > KEPT) shown.shift()
  }
}

/**
 * Notification daemons of Linux take the body for markup (Desktop Notifications Specification, "Markup"):
 * a path with "<" or "&" in it would be shown in part only.
 */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
