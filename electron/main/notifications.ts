import { Notification } from 'electron'
import type { Shown } from '../../core/alerts/render.ts'

/** Maximum number of notifications kept, by subject, so that a click works and they can be withdrawn. */
const KEPT = 50

export interface Notifier {
  /** Replaces a notification about the same subject that is still shown. */
  show(shown: Shown): void
  /** Shows a hint that is not about an incident; false if the desktop shows no notifications. */
  hint(title: string, body: string): boolean
  /** Closes the notification about this subject. */
  withdraw(about: string): void
  /** Closes all notifications: after the application's end they would not be updated. */
  withdrawAll(): void
}

/**
 * Shows notifications through the desktop's notification service.
 * @param options.clicked receives the incident of the clicked notification.
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
        // On Linux Electron drops a clicked notification, which could then not be closed when its incident ends.
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
 * Linux notification daemons parse the body as markup (Desktop Notifications Specification, "Markup"): a path that
 * contains "<" or "&" would be shown incompletely.
 */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
