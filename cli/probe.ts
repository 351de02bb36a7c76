import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import {
  deliverLineNotify,
  LINE_NOTIFY_ENDPOINT,
  type LineNotify,
} from '../core/alert/channels/line-notify.ts'
import { STEP_TEMPLATE, stepMessage } from '../core/check/probe-message.ts'
import { type ProbedOnce, probeOnce } from '../core/check/probe-once.ts'
import { createProberPool, type ProberPool } from '../core/check/prober/prober-pool.ts'
import type { Message } from '../core/words/message.ts'
import { Problem, sentenceOf } from '../core/words/problem.ts'
import { createWords } from '../core/words/words.ts'
import { patienceOf, templateOf } from './option-words.ts'
import { collectPaths } from './path-words.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalLanguage } from './terminal-language.ts'

const PROBER = fileURLToPath(new URL('./workers/prober.ts', import.meta.url))

const WELL = 0
const FAILED = 1
const WRONG_USAGE = 2

interface ProbeOptions {
  project: string
  resource?: string
  template: string
  timeout: number
  json: boolean
  lineTokenFile?: string
  lineEndpoint: string
}

/** `holdfast probe`: the read-only monitor's three steps, once, for cron. */
export function registerProbe(program: Command): void {
  program
    .command('probe')
    .description(
      'test once whether files can be created, listed and removed: in each directory, or beside each file; ' +
        'prints nothing when all is well, and exits 0 when well, 1 when a step failed, 2 on wrong usage',
    )
    .argument('<path...>', 'directories to test', collectPaths)
    .option('--project <code>', 'project code in the message', '')
    .option('--resource <id>', 'resource id in the message (default: the path)')
    .option(
      '--template <text>',
      'the message, with {project}, {resource}, {path}, {step} and \\n for a new line',
      templateOf,
      STEP_TEMPLATE,
    )
    .option('--timeout <time>', 'a step that takes longer hangs, and has failed: 10s, 2m', patienceOf, 10)
    .option('--json', 'print the result as JSON', false)
    .option('--line-token-file <file>', 'also post each message to LINE Notify, with the token in this file')
    .option('--line-endpoint <url>', 'an endpoint that takes the form of LINE Notify', LINE_NOTIFY_ENDPOINT)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? WELL : WRONG_USAGE))
    .action(async (paths: string[], options: ProbeOptions) => process.exit(await runProbe(paths, options)))
}

async function runProbe(paths: string[], options: ProbeOptions): Promise<number> {
  const words = createWords(terminalLanguage(process.env))
  const say = (sentence: Message) => process.stderr.write(`${quoteControls(words(sentence))}\n`)
  const complain = (thrown: unknown) => say(sentenceOf(thrown))
  const prober = createProberPool(PROBER, (reason) => complain(new Problem('check.proberEnded', { reason })))
  try {
    const token = await readToken(prober, options).catch((thrown: unknown) => {
      complain(thrown)
      return null
    })
    if (token === null) return WRONG_USAGE
    const probed = await Promise.all(paths.map((path) => probeOnce(prober, path, options.timeout * 1000)))
    const texts = messagesOf(probed, options)
    if (!options.json) for (const text of texts) process.stdout.write(`${text}\n`)
    const undelivered =
      token === '' ? null : await deliverAll({ endpoint: options.lineEndpoint, token }, texts)
    if (options.json) process.stdout.write(`${JSON.stringify(jsonOf(probed, undelivered === null, words))}\n`)
    const failed = probed.filter(({ failedSteps }) => failedSteps.length > 0)
    for (const { verdict } of failed) say(verdict.sentence)
    if (undelivered !== null) complain(undelivered)
    return failed.length > 0 || undelivered !== null ? FAILED : WELL
  } finally {
    prober.close()
  }
}

/** Posts the messages in order. After one that fails the others would too: gives back why, or null. */
async function deliverAll(line: LineNotify, texts: string[]): Promise<unknown> {
  try {
    for (const text of texts) await deliverLineNotify(line, text)
    return null
  } catch (thrown) {
    return thrown
  }
}

function messagesOf(probed: ProbedOnce[], { project, resource, template }: ProbeOptions): string[] {
  return probed.flatMap(({ path, failedSteps }) =>
    failedSteps.map((step) => {
      // The template has its own new lines; a name must not have any.
      const name = quoteControls(path)
      return stepMessage(template, { project, resource: resource ?? name, path: name, step })
    }),
  )
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

/** The token of --line-token-file; empty where no message is to be posted. Its disk may hang as well. */
function readToken(prober: ProberPool, { lineTokenFile, timeout }: ProbeOptions): Promise<string> {
  if (lineTokenFile === undefined) return Promise.resolve('')
  const path = lineTokenFile
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
