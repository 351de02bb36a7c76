import { open } from 'node:fs/promises'
import { getOptions } from '../../core/alerts/settings.ts'
import { probeOnce } from '../../core/check/probe-once.ts'
import { LATE, withTimeout } from '../../core/lib/async/timing.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { setProxy } from '../../core/lib/network/tunnel.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { openProxyRoute } from '../../core/settings/proxy.ts'
import type { Settings } from '../../core/settings/schema.ts'
import { openSecrets } from '../../core/settings/secrets.ts'
import { openSettings } from '../../core/settings/settings-store.ts'
import { namedChannel } from '../alerts/channel-options.ts'
import { refuseMissing, resolveDataDirectory } from '../ask/data-directory.ts'
import { plainWords, terminalWords } from '../terminal/terminal-words.ts'
import { printProbed } from './print-probed.ts'
import { buildMessages, deliver, type LetterOptions, STEP_TEMPLATE, type Way } from './probe-letters.ts'

const WRONG_USAGE = 2

export interface ProbeOptions {
  data?: string
  project?: string
  resource?: string
  template?: string
  /** Seconds. */
  timeout: number
  json: boolean
  channel?: string[]
  lineTokenFile?: string
  lineEndpoint: string
}

/** @throws UserError data.missing, settings.broken */
function readSettings(directory: string): Settings {
  refuseMissing(directory)
  return openSettings(directory, 'refuse').get()
}

/** Returns the paths of the settings. */
function readKnown(options: ProbeOptions): string[] {
  const { sources, checkedPaths } = readSettings(resolveDataDirectory(options))
  return [...sources, ...checkedPaths].map(({ path }) => path)
}

/**
 * Probes, notifies through the requested channels, and returns the exit code.
 * @param given empty: the paths of the settings, and each result is printed
 */
export async function runProbe(given: string[], options: ProbeOptions): Promise<number> {
  const say = (sentence: Message) => process.stderr.write(`${terminalWords(sentence)}\n`)
  const prepared = await prepare(given, options).catch((error: unknown) => void say(toSentence(error)))
  if (prepared === undefined) return WRONG_USAGE
  const { paths, ways, labels } = prepared
  const probed = await Promise.all(
    paths.map((path) => probeOnce(path, options.timeout * 1000, given.length === 0)),
  )
  const letters: LetterOptions = { words: plainWords, ...labels }
  const template = options.template ?? STEP_TEMPLATE
  if (given.length > 0 && !options.json)
    for (const { text } of buildMessages(probed, letters, { type: null, template }))
      process.stdout.write(`${text.replace(/^\n/, '')}\n`)
  const reasons = await Promise.all(ways.map((way) => deliver(way, probed, letters)))
  const code = printProbed(probed, {
    json: options.json,
    isComplete: given.length === 0,
    delivered: reasons.every((reason) => reason === null),
  })
  for (const [index, reason] of reasons.entries()) {
    const name = ways[index]?.name ?? ''
    if (reason !== null) say(message('check.undelivered', { name, reason: plainWords(reason) }))
  }
  return code
}

/** Returns the paths to probe, and the requested channels. @throws UserError */
async function prepare(given: string[], options: ProbeOptions) {
  const channels = await readChannels(options)
  const paths = given.length > 0 ? given : readKnown(options)
  if (paths.length === 0) throw new UserError('cli.paths.none')
  return { paths, ...channels }
}

/** Returns the requested channels, and the values of {project} and {resource}. */
async function readChannels(
  options: ProbeOptions,
): Promise<{ ways: Way[]; labels: Pick<LetterOptions, 'project' | 'resource'> }> {
  const { channel = [], lineTokenFile, lineEndpoint, project, resource } = options
  const template = options.template ?? null
  const ways: Way[] = []
  let labels = { project: project ?? '', resource }
  if (lineTokenFile !== undefined) {
    const token = await readToken(lineTokenFile, options.timeout)
    // Validated before the probe, not when a message fails.
    if (!/^https?:$/.test(URL.parse(lineEndpoint)?.protocol ?? '') || /[^!-~]/.test(token))
      throw new UserError('channel.invalid')
    const name = 'LINE Notify'
    ways.push({
      name,
      type: 'line-notify',
      template: template ?? STEP_TEMPLATE,
      options: { endpoint: lineEndpoint },
      secrets: { token },
    })
  }
  if (channel.length > 0) {
    const directory = resolveDataDirectory(options)
    const settings = readSettings(directory)
    const known = settings.alerts.labels
    labels = { project: project ?? known.project, resource: resource ?? (known.resource || undefined) }
    const secrets = openSecrets(directory, null)
    setProxy(openProxyRoute(settings.proxy, secrets))
    for (const given of channel) {
      const one = namedChannel(settings, given)
      const { id, name, type } = one
      if (secrets.unreadable().includes(id)) throw new UserError('alert.secretsUnreadable', { name })
      const way = { options: getOptions(one), secrets: secrets.get()[id] ?? {} }
      ways.push({ name, type, template: template ?? one.template, ...way })
    }
  }
  return { ways, labels }
}

/** Reads the token of --line-token-file. Its disk may hang as well. */
async function readToken(path: string, timeout: number): Promise<string> {
  const limit = timeout * 1000
  const text = await withTimeout(limit, firstBytes(path)).catch((error: unknown) => {
    throw new UserError('check.tokenUnreadable', { path, reason: errorCode(error) ?? String(error) })
  })
  if (text === LATE) throw new UserError('check.tokenSilent', { path, limit })
  if (text.trim() === '') throw new UserError('check.tokenEmpty', { path })
  return text.trim()
}

/** At most this many bytes are read of a token, whatever the path leads to. */
const MOST_TOKEN_BYTES = 4096

async function firstBytes(path: string): Promise<string> {
  await using file = await open(path)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_TOKEN_BYTES))
  return buffer.toString('utf8', 0, bytesRead)
}
