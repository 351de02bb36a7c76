// Records what is sent to the notification daemon, as a monitor of the bus.
import type { Message } from 'dbus-next'
import { until } from '../until.ts'
import { call, connectToBus, disconnect } from './bus.ts'

export interface Notified {
  summary: string
  /** What a person reads: daemons take the text for markup, so an unescaped "<x>" is not in it. */
  body: string
  /** The text as it was sent. */
  sentBody: string
  /** Milliseconds since 1970 when the call was seen. */
  at: number
}

export interface NotificationRecorder {
  readonly all: readonly Notified[]
  /** Waits for one that fits, seen before or from now on. */
  waitFor(what: string, fits: (notified: Notified) => boolean, withinMs?: number): Promise<Notified>
  stop(): void
}

/** How many are kept: a test that makes more has run wild. */
const KEEP = 1_000

/** Starts recording; returns once the bus sends copies, so that nothing after it is missed. */
export async function recordNotifications(): Promise<NotificationRecorder> {
  const bus = connectToBus()
  const all: Notified[] = []
  bus.on('message', (message: Message) => {
    if (message.interface !== 'org.freedesktop.Notifications' || message.member !== 'Notify') return
    // Notify(app_name, replaces_id, app_icon, summary, body, actions, hints, expire_timeout)
    const [, , , summary, body] = message.body
    all.push({
      summary: String(summary),
      body: plainText(String(body)),
      sentBody: String(body),
      at: Date.now(),
    })
    if (all.length > KEEP) all.shift()
  })
  // A monitor that answers what it overhears is thrown off the bus: say of each call that it is dealt with.
  bus.addMethodHandler(() => true)
  await call(bus, {
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus.Monitoring',
    member: 'BecomeMonitor',
    signature: 'asu',
    body: [["type='method_call',interface='org.freedesktop.Notifications',member='Notify'"], 0],
  })
  return {
    all,
    waitFor: (what, fits, withinMs = 60_000) =>
      until(`notification: ${what}; seen: ${JSON.stringify(all)}`, () => all.find(fits) ?? null, withinMs),
    stop: () => disconnect(bus),
  }
}

/** What is left when a daemon with the body-markup capability has interpreted a text. */
function plainText(body: string): string {
  return body
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&(?:apos|#39);/g, "'")
    .replace(/&amp;/g, '&')
}
