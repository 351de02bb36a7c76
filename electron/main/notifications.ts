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
      body,
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
