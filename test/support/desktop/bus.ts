// The session bus, as far as the tests of the desktop need it.
import type { Socket } from 'node:net'
import type { MessageBus } from 'dbus-next'
import dbus from 'dbus-next'

export type { MessageBus }

/** One method call: where, what, and the body with its D-Bus signature. */
export interface Call {
  destination: string
  path: string
  interface: string
  member: string
  signature?: string
  body?: unknown[]
}

/** Connects to the session bus of the desktop that the test runs in. Disconnect it when the test is over. */
export function connectToBus(): MessageBus {
  if (!process.env.DBUS_SESSION_BUS_ADDRESS) {
    throw new Error('There is no session bus: run this in test/support/desktop/desktop.sh.')
  }
  return dbus.sessionBus()
}

/**
 * Closes the connection. dbus-next would parse a message of which only a part has come by then, and throw into the next
 * test: a notification with its picture is larger than the buffer of a socket.
 */
export function disconnect(bus: MessageBus): void {
  const { _connection } = bus as unknown as { _connection: { stream: Socket } }
  bus.disconnect()
  _connection.stream.destroy()
}

/** Calls a method and gives its reply's values. */
export async function call(
  bus: MessageBus,
  { signature = '', body = [], ...where }: Call,
): Promise<unknown[]> {
  const reply = await bus.call(new dbus.Message({ ...where, signature, body }))
  return reply?.body ?? []
}

/** Reads all properties of an interface; variants are unwrapped. */
export async function properties(
  bus: MessageBus,
  destination: string,
  path: string,
  name: string,
): Promise<Record<string, unknown>> {
  const [found] = await call(bus, {
    destination,
    path,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'GetAll',
    signature: 's',
    body: [name],
  })
  return unwrapped(found) as Record<string, unknown>
}

/** A value with every variant in it replaced by what it holds; byte arrays stay buffers. */
export function unwrapped(value: unknown): unknown {
  if (value instanceof dbus.Variant) return unwrapped(value.value)
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(unwrapped)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapped(inner)]))
  }
  return value
}

/** A 32-bit integer as a variant, where a method wants any value. */
export const anyInteger = (value: number): unknown => new dbus.Variant('i', value)
