import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { IClientOptions, MqttClient } from 'mqtt'
import { quote } from '../alerts/channels/channel.ts'
import { runProgram } from '../alerts/channels/command.ts'
import { classifyResponse, exchange, getReason } from '../alerts/channels/http.ts'
import { signBody } from '../alerts/channels/webhook.ts'
import { dropError, ignoreError } from '../dropped-errors.ts'
import { untilAborted } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { limitBytes } from '../lib/network/answers.ts'
import { findProxyProblem, openTunnel } from '../lib/network/tunnel.ts'
import { errorCode } from '../platform/system-error.ts'
import { type EventSink, getSinkOptions, TOPIC_PLACEHOLDERS } from '../settings/event-sinks.ts'
import type { CloudEvent } from './cloud-event.ts'

// The kinds of sinks: each takes a batch of events completely, or fails; it then gets the same events again, at first
// fewer of them.

/** Timeout of one attempt. */
const WITHIN_MS = 30_000
/** A command may begin a longer job. */
const COMMAND_WITHIN_MS = 10 * 60_000
/** Limit of the published events that a broker has not confirmed. A broker may set a smaller one (MQTT 5, 3.2.2.3.3). */
const MOST_UNCONFIRMED = 20
/** A content type of CloudEvents: a JSON array of events. */
const BATCH_TYPE = 'application/cloudevents-batch+json; charset=utf-8'

/** The result of one attempt. `isRefused`: the sink was reached, and did not take these events. */
export type Delivered =
  | { done: true }
  | { done: false; isRefused: boolean; reason: Message; afterMs: number | null }

export interface Deliverer {
  /** Never rejects. */
  deliver(events: readonly CloudEvent[], signal: AbortSignal): Promise<Delivered>
  close(): void
}

interface DelivererOptions {
  computer: string
  secrets: Readonly<Record<string, string>>
}

const DONE: Delivered = { done: true }

/** Returns the deliverer of a sink. It connects with the first batch. */
export function openDeliverer(sink: EventSink, options: DelivererOptions): Deliverer {
  switch (sink.kind) {
    case 'webhook':
      return {
        deliver: (events, signal) => postEvents(options.secrets, events, signal),
        close: () => undefined,
      }
    case 'command':
      return {
        deliver: (events, signal) => runCommand(sink.command, events, signal),
        close: () => undefined,
      }
    case 'mqtt':
      return new MqttDeliverer(sink, options)
    default:
      return sink.kind satisfies never
  }
}

/** Posts a batch as JSON. With a key, the header X-Holdfast-Signature signs the body, as that of a webhook channel. */
async function postEvents(
  secrets: Readonly<Record<string, string>>,
  events: readonly CloudEvent[],
  signal: AbortSignal,
): Promise<Delivered> {
  const { url = '', key = '' } = secrets
  const body = JSON.stringify(events)
  const headers = { 'Content-Type': BATCH_TYPE, ...signBody(key, body) }
  const given = { options: {}, secrets, signal, withinMs: WITHIN_MS }
  const answer = await exchange({ url, headers, body }, given)
  const outcome = 'did' in answer ? answer : classifyResponse(answer, secrets)
  if (outcome.did === 'delivered') return DONE
  // An event is never given up: a server that refuses one is asked again later, as a person may correct it.
  const isRefused = 'status' in answer && isAboutEvents(answer.status)
  return {
    ...{ done: false, isRefused, reason: outcome.reason },
    afterMs: outcome.did === 'retry' ? outcome.afterMs : null,
  }
}

/** False for a status about the address, the access or the server (RFC 9110, 15): other events fail alike. */
const isAboutEvents = (status: number): boolean =>
  status === 500 || (status >= 400 && status < 500 && ![401, 404, 407, 408, 425, 429].includes(status))

/** Runs a program with one event on each line of its standard input. */
async function runCommand(
  command: readonly string[],
  events: readonly CloudEvent[],
  signal: AbortSignal,
): Promise<Delivered> {
  const [program = ''] = command
  const input = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  const limit = AbortSignal.any([signal, AbortSignal.timeout(COMMAND_WITHIN_MS)])
  const failed = (reason: Message, isRefused = false): Delivered => ({
    ...{ done: false, isRefused, reason, afterMs: null },
  })
  try {
    const code = await runProgram(command, input, limit)
    if (code === 0) return DONE
    return failed(message('channel.command.failed', { program, code: code ?? '–' }), true)
  } catch (error) {
    if (limit.aborted) return failed(message('channel.silent', { host: program, limit: COMMAND_WITHIN_MS }))
    return failed(
      message('channel.command.missing', { program, reason: errorCode(error) ?? getReason(error) }),
    )
  }
}

/** Publishes each event with QoS 1: a batch is delivered when the broker has confirmed each one. */
class MqttDeliverer implements Deliverer {
  readonly #sink: EventSink
  readonly #options: DelivererOptions
  #client: MqttClient | null = null
  #mostUnconfirmed = MOST_UNCONFIRMED
  /** Limits the bytes that the broker sends during one attempt. */
  #count = limitBytes()

  constructor(sink: EventSink, options: DelivererOptions) {
    this.#sink = sink
    this.#options = options
  }

  async deliver(events: readonly CloudEvent[], signal: AbortSignal): Promise<Delivered> {
    const { broker = '', topic = '' } = getSinkOptions(this.#sink)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)])
    const { host } = new URL(broker)
    let isConnected = false
    this.#count = limitBytes()
    try {
      const client = await this.#connect(broker, limit)
      isConnected = true
      for (let from = 0; from < events.length; from += this.#mostUnconfirmed) {
        // Published without waiting for each other; the library keeps their order.
        const some = events.slice(from, from + this.#mostUnconfirmed).map((event) =>
          client.publishAsync(fillTopic(topic, event, this.#options.computer), JSON.stringify(event), {
            qos: 1,
            properties: { contentType: 'application/cloudevents+json; charset=utf-8' },
          }),
        )
        await untilAborted(limit, Promise.all(some))
      }
      return DONE
    } catch (error) {
      this.close()
      const { secrets } = this.#options
      const reason =
        limit.aborted && !signal.aborted
          ? message('channel.silent', { host, limit: WITHIN_MS })
          : (findProxyProblem(error) ??
            message('channel.unreachable', { host, reason: quote(getReason(error), secrets) }))
      return { done: false, isRefused: isConnected && !limit.aborted, reason, afterMs: null }
    }
  }

  close(): void {
    this.#client?.end(true)
    this.#client = null
  }

  async #connect(broker: string, limit: AbortSignal): Promise<MqttClient> {
    if (this.#client?.connected === true) return this.#client
    this.close()
    const { user = '', ca = '' } = getSinkOptions(this.#sink)
    const { password = '' } = this.#options.secrets
    // Loaded on demand, because few agents have a broker.
    const { default: mqtt } = await import('mqtt')
    const authority = ca === '' ? {} : { ca: await readFile(ca) }
    const { hostname, port, protocol } = new URL(broker)
    const isTls = protocol === 'mqtts:'
    const host = hostname.replace(/^\[|\]$/g, '')
    const target = { host, port: port === '' ? (isTls ? 8883 : 1883) : Number(port) }
    const tunnel = await openTunnel(target, limit)
    const options: IClientOptions = {
      ...authority,
      // MQTT 5 has properties, such as the content type.
      protocolVersion: 5,
      clean: true,
      clientId: `holdfast-${this.#options.computer.replace(/[^A-Za-z0-9]/g, '')}-${this.#sink.id}-${process.pid}`,
      ...(user === '' ? {} : { username: user }),
      ...(password === '' ? {} : { password }),
      // The sink's own retries decide; the library must not keep events in its memory for later.
      reconnectPeriod: 0,
      queueQoSZero: false,
      connectTimeout: WITHIN_MS,
    }
    const stream = tunnel !== null && isTls ? await secure(tunnel, host, authority, limit) : tunnel
    const client =
      stream === null ? mqtt.connect(broker, options) : new mqtt.MqttClient(() => stream, options)
    this.#client = client
    client.stream.on('data', (bytes: Buffer) => {
      try {
        this.#count(bytes.length)
      } catch (error) {
        dropError(error, 'the attempt that waits for its confirmations reports the end of the connection')
        client.end(true)
      }
    })
    // An error also rejects what waits for the client.
    client.on('error', ignoreError('the attempt that waits for the connection reports it'))
    const connected = new Promise<void>((resolve, reject) => {
      client.once('connect', ({ properties }) => {
        this.#mostUnconfirmed = Math.min(properties?.receiveMaximum ?? MOST_UNCONFIRMED, MOST_UNCONFIRMED)
        resolve()
      })
      client.once('error', reject)
      client.once('close', () => reject(new Error('the connection was closed')))
    })
    await untilAborted(limit, connected)
    return client
  }
}

/** Begins TLS on a tunnel to a broker. @throws the reason why the broker is not trusted. */
async function secure(
  tunnel: Socket,
  host: string,
  authority: { ca?: Buffer },
  signal: AbortSignal,
): Promise<TLSSocket> {
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const stream = connectTls({ ...authority, ...servername, host, socket: tunnel })
  stream.on('error', ignoreError('the attempt that waits for the connection reports it'))
  try {
    await once(stream, 'secureConnect', { signal })
  } catch (error) {
    stream.destroy()
    tunnel.destroy()
    throw error
  }
  return stream
}

/** Fills the placeholders of a topic. Characters with a meaning in topics are replaced within the values. */
export function fillTopic(topic: string, { type, data }: CloudEvent, computer: string): string {
  const values: Record<string, string> = { computer, type, folder: data.source?.name ?? 'none' }
  return topic.replace(TOPIC_PLACEHOLDERS, (_, name: string) =>
    (values[name] ?? '').replace(/[/+#$\0]/g, '_'),
  )
}
