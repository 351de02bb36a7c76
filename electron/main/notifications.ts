import { Notification } from 'electron'
import type { Notification as Words } from '../../core/agent/host.ts'

/** Shown ones, by incident: kept so that their click works and that they can be taken back; at most this many. */
const KEPT = 50

export interface Notifier {
  show(notification: Words): void
  /** Closes what is still shown of an incident. */
  withdraw(incident: string): void
  /** Closes all of them: nobody updates them once the application has gone. */
  withdrawAll(): void
}

/** Shows notifications through the desktop's own notification service. */
export function createNotifier(icon: string, clicked: () => void): Notifier {
  const shown = new Map<string, Notification>()
  const withdraw = (incident: string) => {
    shown.get(incident)?.close()
    shown.delete(incident)
  }
  return {
    show: ({ incident, title, body, urgent }) => {
      if (!Notification.isSupported()) return
      withdraw(incident)
      const notification = new Notification({
        title,
        body: process.platform === 'linux' ? escapeMarkup(body) : body,
        icon,
        urgency: urgent ? 'critical' : 'normal',
        timeoutType: urgent ? 'never' : 'default',
      })
      notification.on('click', clicked)
      notification.show()
      shown.set(incident, notification)
      const oldest = shown.keys().next().value
      if (shown.size > KEPT && oldest !== undefined) shown.delete(oldest)
    },
    withdraw,
    withdrawAll: () => {
      for (const incident of [...shown.keys()]) withdraw(incident)
    },
  }
}

/**
 * Notification daemons of Linux take the body for markup (Desktop Notifications Specification, "Markup"):
 * a path with "<" or "&" in it would be shown in part only.
 */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
