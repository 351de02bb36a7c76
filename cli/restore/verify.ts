import path from 'node:path'
import { type Command, Option } from 'commander'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { digestBeginning } from '../../core/platform/digest.ts'
import type { Task } from '../../core/restore/task.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { isStoreRoot } from '../../core/store/layout.ts'
import {
  describeBadEntry,
  type Finding,
  isSound,
  type VerifySummary,
} from '../../core/store/verify/findings.ts'
import { resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { parseTimeout } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { openProgress } from '../terminal/progress.ts'
import { terminalWords } from '../terminal/terminal-words.ts'
import { librarySettings, readKey, sourceNamed, storeSettings } from './library-settings.ts'
import { where } from './restore-task.ts'
import { runStoreTask } from './store-task.ts'
import { COULD_NOT, DAMAGE, repair, sample, WELL } from './verify-by-agent.ts'

/** Errors that mean that there is no such destination. */
const NOTHING: ReadonlySet<string> = new Set(['data.missing', 'refuse.noSuchDestination'])

/** Options of a comparison of all files. */
const WHOLE_ONLY = ['adopt', 'forgetMissing', 'manifest', 'source'] as const

interface VerifyOptions {
  json: boolean
  sample?: true
  repair?: true
  data?: string
  identityFile?: string
  manifest?: string
  source?: string
  adopt: boolean
  forgetMissing: boolean
  patience: number
}

/** `holdfast verify`: compares all stored files with what was sent, has some proven, or repairs what is damaged. */
export function registerVerify(program: Command): void {
  const command = program
    .command('verify')
    .description(
      'read a store, or all that was sent to a destination, again, and report damaged, changed, missing or ' +
        'unknown files, which are sent again; works beside a running receiver or agent; exit code 0: all is as it was ' +
        'stored, 1: something is not (or is not repaired yet), 2: it could not be verified, or repaired',
    )
    .argument('[what]', "folder of a receiver's store, or the name of a destination", parsePath)
    .addOption(
      new Option(
        '--sample',
        'have the destination prove random files now, as it does every day by itself, and show how small a damage the ' +
          'samples of 30 days would have shown; without a name, each connected one; the agent must be running',
      ).conflicts([...WHOLE_ONLY, 'repair', 'identityFile', 'patience']),
    )
    .addOption(
      new Option(
        '--repair',
        'reads nothing: give files that an earlier reading found damaged or missing their content again, as the agent does ' +
          'by itself: those that are still here are sent again, others are fetched from another destination; without a ' +
          'name, at all; the agent must be running',
      ).conflicts([...WHOLE_ONLY, 'patience']),
    )
    .option(
      '--identity-file <file>',
      'of a destination: the age identity that opens encrypted files',
      parsePath,
    )
    .option('--adopt', 'of a store: record unknown files in the manifest as they are now', false)
    .option(
      '--forget-missing',
      'of a store: take missing files out of the manifest; files that the station still has are sent again',
      false,
    )
    .option(
      '--manifest <file>',
      'compare the files with this manifest (sha256sum, md5sum, or a bag) instead; nothing is sent again',
      parsePath,
    )
    .option(
      '--source <folder>',
      'with --manifest: the folder that it is about (in a store: STATION/FOLDER); default: the only one',
    )
    .option('--json', 'print JSON lines', false)
    .option('--patience <time>', 'a disk that does not answer for this long hangs: 60s, 5m', parseTimeout, 60)
  withDataDirectory(command).action(async (what: string | undefined, options: VerifyOptions) => {
    try {
      if (options.sample === true) process.exitCode = await sample(what, options)
      else if (options.repair === true) process.exitCode = await repair(what, options)
      else if (what === undefined) throw new UserError('verify.what')
      else process.exitCode = await verify(await buildVerifyTask(what, options), options)
    } catch (error) {
      console.error(terminalWords(toSentence(error)))
      process.exitCode = COULD_NOT
    }
  })
}

/** Builds the task. A store in this directory, or a word in a path's form, is a store; another word a destination. @throws UserError if nothing matches. */
async function buildVerifyTask(what: string, options: VerifyOptions): Promise<Task> {
  const { adopt, forgetMissing, identityFile, manifest, source } = options
  if (source !== undefined && manifest === undefined) throw new UserError('fixity.sourceUnused')
  if (manifest !== undefined && (adopt || forgetMissing)) throw new UserError('fixity.onlyCompares')
  const compared =
    manifest === undefined ? null : { manifest: path.resolve(manifest), choice: { folder: source ?? null } }
  if (what.includes('/') || what.includes(path.sep) || what === '.' || (await isStoreRoot(what))) {
    const from = await storeSettings(resolveDataDirectory(options), what)
    return { does: 'verify', from, ...(compared ?? { adopt, forgetMissing }) }
  }
  if (adopt || forgetMissing) throw new UserError('verify.storeOnly', { name: what })
  const data = resolveDataDirectory(options)
  const key = identityFile === undefined ? null : readKey(identityFile)
  const from = await librarySettings(data, what, { key }).catch((error: unknown) => {
    const isNothing = NOTHING.has(toSentence(error).key)
    throw isNothing ? new UserError('verify.neither', { name: what }, { cause: error }) : error
  })
  if (compared === null) return { does: 'verify', from, ledger: getDataLayout(data).ledger }
  const { manifest: file, choice } = compared
  return { does: 'verify', from, manifest: file, choice: { ...choice, ...(await sourceNamed(data, source)) } }
}

/** True if no file was compared, which proves nothing about what is there. */
const isAboutNothing = (summary: VerifySummary): boolean =>
  isSound(summary) && summary.files + summary.adopted + summary.forgotten === 0

async function verify(task: Task, { json, patience }: VerifyOptions) {
  const store = where(task)
  const words =
    'manifest' in task
      ? manifestWords(store)
      : 'store' in task.from
        ? storeWords(store)
        : destinationWords(store)
  const output = openProgress(json)
  let code = COULD_NOT
  const end = await runStoreTask(task, store, patience, (event) => {
    switch (event.type) {
      case 'progress':
        return output.show(event)
      case 'notice':
        return output.complain(event.sentence)
      case 'failed':
        return output.fail(event.sentence)
      case 'finding':
        return output.say(terminalWords(words.finding(event.finding)), {
          type: 'finding',
          ...event.finding,
          sentence: words.finding(event.finding),
        })
      case 'verified':
        code = isAboutNothing(event.summary) ? COULD_NOT : isSound(event.summary) ? WELL : DAMAGE
        return output.say(terminalWords(words.summary(event.summary)), {
          type: 'summary',
          ...event.summary,
          sentence: words.summary(event.summary),
        })
    }
  })
  output.end()
  if (end === null) return code
  output.fail(end)
  return COULD_NOT
}

function sentenceOfFinding(store: string, finding: Finding): Message {
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
      return finding.isRow === true
        ? describeBadEntry(store, finding.place)
        : message('store.strange', { path: file })
    case 'unreadable':
      return message('store.unreadable', { path: file, reason: finding.code })
    default:
      return finding satisfies never
  }
}

function summarySentence(store: string, summary: VerifySummary): Message {
  const { files, bytes, adopted, forgotten } = summary
  if (isAboutNothing(summary)) return message('store.nothing', { path: store })
  if (isSound(summary)) return message('store.sound', { files, bytes, adopted, forgotten })
  const { damaged, changed, strange, unreadable } = summary
  const missing = summary.missing - forgotten
  const unknown = summary.unknown - adopted
  return message('store.unsound', { files, bytes, damaged, changed, missing, unknown, strange, unreadable })
}

const storeWords = (store: string) => ({
  finding: (finding: Finding) => sentenceOfFinding(store, finding),
  summary: (summary: VerifySummary) => summarySentence(store, summary),
})

/** Sentences for a comparison with a manifest. */
const manifestWords = (name: string) => ({
  finding(finding: Finding): Message {
    const params = { name, path: finding.place }
    if (finding.kind === 'damaged') {
      const [expected, found] = [digestBeginning(finding.expected), digestBeginning(finding.found)]
      return message('fixity.damaged', { ...params, expected, found })
    }
    if (finding.kind === 'unreadable')
      return message('fixity.unreadable', { ...params, reason: finding.code })
    return message('fixity.missing', params)
  },
  summary(summary: VerifySummary): Message {
    const { files, bytes, damaged, missing, unreadable } = summary
    if (isSound(summary)) return message('fixity.sound', { name, files, bytes })
    return message('fixity.unsound', { name, word: shellWord(name), files, damaged, missing, unreadable })
  },
})

/** Sentences for a destination by name: this computer is the sender. */
const destinationWords = (name: string) => ({
  finding(finding: Finding): Message {
    const isWanted = 'isWanted' in finding && finding.isWanted
    const params = { name, path: finding.place }
    switch (finding.kind) {
      case 'damaged': {
        const [expected, found] = [digestBeginning(finding.expected), digestBeginning(finding.found)]
        return message(isWanted ? 'verify.damagedWanted' : 'verify.damaged', { ...params, expected, found })
      }
      case 'unreadable': {
        const reason = finding.code
        return message(isWanted ? 'verify.unreadableWanted' : 'verify.unreadable', { ...params, reason })
      }
      default:
        return message(isWanted ? 'verify.missingWanted' : 'verify.missing', params)
    }
  },
  summary(summary: VerifySummary): Message {
    const { files, bytes, damaged, missing, unreadable, wanted, cold } = summary
    if (isAboutNothing(summary)) return message('verify.nothing', { name, word: shellWord(name) })
    if (isSound(summary) && cold > 0)
      return message('verify.soundCold', { name, files: files - cold, all: files, bytes, count: cold })
    if (isSound(summary)) return message('verify.sound', { name, files, bytes })
    return message('verify.unsound', { name, files, bytes, damaged, missing, unreadable, wanted })
  },
})
