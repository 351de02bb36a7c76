import path from 'node:path'
import type { Command } from 'commander'
import { digestBeginning } from '../core/files/digest.ts'
import type { Finding } from '../core/store/verify/findings.ts'
import { isSound, type VerifySummary } from '../core/store/verify/findings.ts'
import { type Message, message } from '../core/words/message.ts'
import { patienceOf } from './option-words.ts'
import { parsePath } from './path-words.ts'
import { openProgress } from './progress.ts'
import { runStoreTask } from './store-task.ts'
import { terminalWords } from './terminal-words.ts'

const WELL = 0
const DAMAGE = 1
const COULD_NOT = 2

interface VerifyOptions {
  json?: boolean
  adopt: boolean
  forgetMissing: boolean
  patience: number
}

/** `holdfast verify STORE`: reads the whole store and compares it with its manifest. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description(
      'read a store again and report what is damaged, changed, missing or unknown; works beside a running ' +
        'receiver; exit code 0: all is as it was stored, 1: something is not, 2: it could not be verified',
    )
    .argument('<store>', 'directory of a receiver', parsePath)
    .option('--adopt', 'record unknown files in the manifest as they are now', false)
    .option(
      '--forget-missing',
      'forget what is missing: somebody removed it on purpose; what its sender still has is sent again',
      false,
    )
    .option('--json', 'JSON lines also on a terminal; elsewhere they are the default')
    .option('--patience <time>', 'a disk that says nothing for so long hangs: 60s, 5m', patienceOf, 60)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? WELL : COULD_NOT))
    .action(async (store: string, options: VerifyOptions) => {
      process.exitCode = await verify(store, options)
    })
}

async function verify(
  given: string,
  { json = !process.stdout.isTTY, adopt, forgetMissing, patience }: VerifyOptions,
) {
  const store = path.resolve(given)
  const output = openProgress(json)
  const complain = (sentence: Message) => {
    output.end()
    console.error(terminalWords(sentence))
  }
  let code = COULD_NOT
  const end = await runStoreTask(
    { does: 'verify', store, adopt, forgetMissing },
    patience * 1000,
    (event) => {
      switch (event.type) {
        case 'progress':
          return output.show(event)
        case 'notice':
        case 'failed':
          return complain(event.sentence)
        case 'finding':
          return output.say(terminalWords(sentenceOf(store, event.finding)), {
            type: 'finding',
            ...event.finding,
          })
        case 'verified':
          code = isSound(event.summary) ? WELL : DAMAGE
          return output.say(terminalWords(summarySentence(event.summary)), {
            type: 'summary',
            ...event.summary,
          })
      }
    },
  )
  output.end()
  if (end.ended === 'hung') complain(message('store.hung', { path: store, seconds: patience }))
  if (end.ended === 'died') complain(message('store.died', { path: store, reason: end.reason }))
  return end.ended === 'done' ? code : COULD_NOT
}

function sentenceOf(store: string, finding: Finding): Message {
  const file = path.join(store, finding.place)
  switch (finding.kind) {
    case 'damaged':
    case 'changed': {
      const { expected, found } = finding
      const kind = finding.kind === 'damaged' ? 'store.damaged' : 'store.changed'
      const key = finding.isWanted ? (`${kind}Wanted` as const) : kind
      return message(key, { path: file, expected: digestBeginning(expected), found: digestBeginning(found) })
    }
    case 'missing':
      if (finding.forgotten) return message('store.forgotten', { path: file })
      return message(finding.isWanted ? 'store.missingWanted' : 'store.missing', { path: file })
    case 'unknown':
      return message(finding.adopted ? 'store.adopted' : 'store.unknown', { path: file })
    case 'strange':
      return message('store.strange', { path: file })
    case 'unreadable':
      return message('store.unreadable', { path: file, reason: finding.code })
    default:
      return finding satisfies never
  }
}

function summarySentence(summary: VerifySummary): Message {
  const { files, bytes, adopted, forgotten } = summary
  if (isSound(summary)) return message('store.sound', { files, bytes, adopted, forgotten })
  const { damaged, changed, strange, unreadable } = summary
  const missing = summary.missing - forgotten
  const unknown = summary.unknown - adopted
  return message('store.unsound', { files, bytes, damaged, changed, missing, unknown, strange, unreadable })
}
