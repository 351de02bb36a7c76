import { Notification } from 'electron'
import type { Shown } from '../../core/alerts/notifier-messages.ts'

/** Shown ones, by what they are about: kept so that their click works and that they can be taken back; at most this many. */
const KEPT = 50

export interface Notifier {
  /** In place of what is still shown about the same. */
  show(shown: Shown): void
  /** Says something that is about nothing wrong; false: the desktop shows no notifications. */
  hint(title: string, body: string): boolean
  /** Closes what is still shown about this. */
  withdraw(about: string): void
  /** Closes all of them: nobody updates them once the application has gone. */
  withdrawAll(): void
}

/**
 * Shows notifications through the desktop's own notification service.
 * @param options.clicked is given the incident that a notification was about.
 */
export function createNotifier(options: { icon: string; clicked(incident: string): void }): Notifier {
  const { icon, clicked } = options
  const shown = new Map<string, Notification>()
  const withdraw = (about: string) => {
    shown.get(about)?.close()
    shown.delete(about)
  }
  return {
    show: ({ about, incident, title, body, urgent }) => {
      withdraw(about)
      if (!Notification.isSupported()) return
      const notification = new Notification({
        title,
        body: process.platform === 'linux' ? escapeMarkup(body) : body,
        icon,
        urgency: urgent ? 'critical' : 'normal',
        timeoutType: urgent ? 'never' : 'default',
      })
      notification.on('click', () => {
        // On Linux Electron lets go of one that was clicked, and could not close it any more when its incident ends.
        withdraw(about)
        clicked(incident)
      })
      notification.show()
      shown.set(about, notification)
      const oldest = shown.keys().next().value
      if (shown.size > KEPT && oldest !== undefined) shown.delete(oldest)
    },
    hint: (title, body) => {
      if (!Notification.isSupported()) return false
      new Notification({ title, body, icon }).show()
      return true
    },
    withdraw,
    withdrawAll: () => {
      for (const about of [...shown.keys()]) withdraw(about)
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
