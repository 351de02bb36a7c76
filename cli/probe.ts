import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { LINE_NOTIFY_ENDPOINT } from '../core/alert/channels/line-notify.ts'
import { openSecrets } from '../core/alert/secrets.ts'
import { optionsOf } from '../core/alert/settings.ts'
import { type ProbedOnce, probeOnce } from '../core/check/probe-once.ts'
import { createProberPool, type ProberPool } from '../core/check/prober/prober-pool.ts'
import { openSettings } from '../core/settings/store.ts'
import type { Message } from '../core/words/message.ts'
import { message } from '../core/words/message.ts'
import { Problem, sentenceOf } from '../core/words/problem.ts'
import { createWords } from '../core/words/words.ts'
import { namedChannel } from './channel-options.ts'
import { dataDirectoryOf, withDataDirectory } from './data-directory.ts'
import { patienceOf, templateOf } from './option-words.ts'
import { collectPaths } from './path-words.ts'
import { deliver, type LetterOptions, lettersOf, STEP_TEMPLATE, type Way } from './probe-letters.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalLanguage } from './terminal-language.ts'
import { workerScript } from './worker-script.ts'

const PROBER = fileURLToPath(workerScript('prober'))

const WELL = 0
const FAILED = 1
const WRONG_USAGE = 2

interface ProbeOptions {
  data?: string
  project?: string
  resource?: string
  template?: string
  timeout: number
  json: boolean
  channel?: string[]
  lineTokenFile?: string
  lineEndpoint: string
}

/** `holdfast probe`: the read-only monitor's three steps, once, for cron. */
export function registerProbe(program: Command): void {
  const command = program
    .command('probe')
    .description(
      'test once whether files can be created, listed and removed: in each directory, or beside each file; ' +
        'prints nothing when all is well, and exits 0 when well, 1 when a step failed, 2 on wrong usage',
    )
    .argument('<path...>', 'directories to test', collectPaths)
    .option('--project <code>', 'project code in the message (default: that of the settings)')
    .option('--resource <id>', 'resource id in the message (default: that of the settings, else the path)')
    .option(
      '--template <text>',
      'the message, with {project}, {resource}, {path}, {step} and \\n for a new line',
      templateOf,
    )
    .option('--timeout <time>', 'a step that takes longer hangs, and has failed: 10s, 2m', patienceOf, 10)
    .option('--json', 'print the result as JSON', false)
    .option('--channel <name>', 'also send each message through this channel (repeatable)', collectPaths)
    .option('--line-token-file <file>', 'also post each message to LINE Notify, with the token in this file')
    .option('--line-endpoint <url>', 'an endpoint that takes the form of LINE Notify', LINE_NOTIFY_ENDPOINT)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? WELL : WRONG_USAGE))
  withDataDirectory(command).action(async (paths: string[], options: ProbeOptions) =>
    process.exit(await runProbe(paths, options)),
  )
}

async function runProbe(paths: string[], options: ProbeOptions): Promise<number> {
  const words = createWords(terminalLanguage(process.env))
  const say = (sentence: Message) => process.stderr.write(`${quoteControls(words(sentence))}\n`)
  const complain = (thrown: unknown) => say(sentenceOf(thrown))
  const prober = createProberPool(PROBER, (reason) => complain(new Problem('check.proberEnded', { reason })))
  try {
    const found = await waysOf(prober, options).catch((thrown: unknown) => {
      complain(thrown)
      return null
    })
    if (found === null) return WRONG_USAGE
    const { ways, labels } = found
    const probed = await Promise.all(paths.map((path) => probeOnce(prober, path, options.timeout * 1000)))
    const letters: LetterOptions = { words, ...labels }
    const template = options.template ?? STEP_TEMPLATE
    if (!options.json)
      for (const { text } of lettersOf(probed, letters, { type: null, template }))
        process.stdout.write(`${text.replace(/^\n/, '')}\n`)
    const reasons = await Promise.all(ways.map((way) => deliver(way, probed, letters)))
    const isDelivered = reasons.every((reason) => reason === null)
    if (options.json) process.stdout.write(`${JSON.stringify(jsonOf(probed, isDelivered, words))}\n`)
    const failed = probed.filter(({ failedSteps }) => failedSteps.length > 0)
    for (const { verdict } of failed) say(verdict.sentence)
    for (const [index, reason] of reasons.entries()) {
      const name = ways[index]?.name ?? ''
      if (reason !== null) say(message('check.undelivered', { name, reason: words(reason) }))
    }
    return failed.length > 0 || !isDelivered ? FAILED : WELL
  } finally {
    prober.close()
  }
}

function jsonOf(probed: ProbedOnce[], delivered: boolean, words: ReturnType<typeof createWords>) {
  const paths = probed.map(({ path, verdict, failedSteps }) => ({
    path,
    well: failedSteps.length === 0,
    kind: verdict.kind,
    step: verdict.step,
    code: verdict.code,
    elapsedMs: verdict.elapsedMs,
    failedSteps,
    sentence: words(verdict.sentence),
  }))
  return { well: paths.every(({ well }) => well), delivered, paths }
}

/** The channels that are asked for, and what stands for {project} and {resource}. */
async function waysOf(
  prober: ProberPool,
  options: ProbeOptions,
): Promise<{ ways: Way[]; labels: Pick<LetterOptions, 'project' | 'resource'> }> {
  const { channel = [], lineTokenFile, lineEndpoint, project, resource } = options
  const template = options.template ?? null
  const ways: Way[] = []
  let labels = { project: project ?? '', resource }
  if (lineTokenFile !== undefined) {
    const token = await readToken(prober, lineTokenFile, options.timeout)
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
    const directory = dataDirectoryOf(options)
    const settings = openSettings(directory, 'refuse').get()
    const known = settings.alerts.labels
    labels = { project: project ?? known.project, resource: resource ?? (known.resource || undefined) }
    const secrets = openSecrets(directory, null)
    for (const given of channel) {
      const one = namedChannel(settings, given)
      const { id, name, type } = one
      if (secrets.unreadable().includes(id)) throw new Problem('alert.secretsUnreadable', { name })
      const way = { options: optionsOf(one), secrets: secrets.get()[id] ?? {} }
      ways.push({ name, type, template: template ?? one.template, ...way })
    }
  }
  return { ways, labels }
}

/** The token of --line-token-file. Its disk may hang as well. */
function readToken(prober: ProberPool, path: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = timeout * 1000
    const timer = setTimeout(() => reject(new Problem('check.tokenSilent', { path, limit })), limit)
    prober.run({ does: 'text', path: Buffer.from(path).toString('latin1') }, (answer) => {
      if (answer.did !== 'text') return
      clearTimeout(timer)
      const token = answer.text?.trim() ?? ''
      if (answer.failure !== null)
        reject(new Problem('check.tokenUnreadable', { path, code: answer.failure.code }))
      else if (token === '') reject(new Problem('check.tokenEmpty', { path }))
      else resolve(token)
    })
  })
}
