import path from 'node:path'
import type { Command } from 'commander'
import type { Listed, RestoreEvent } from '../core/store/restore/restore.ts'
import type { Task } from '../core/store/task.ts'
import { formatBytes } from '../core/words/formats.ts'
import { type Message, message } from '../core/words/message.ts'
import { parseMoment } from './moment.ts'
import { patienceOf } from './option-words.ts'
import { parsePath } from './path-words.ts'
import { openProgress } from './progress.ts'
import { quoteControls } from './quote-controls.ts'
import { runStoreTask } from './store-task.ts'
import { terminalWords } from './terminal-words.ts'

const WELL = 0
const NOT_ALL = 1
const COULD_NOT = 2

interface RestoreOptions {
  sender?: string
  source?: string
  path?: string
  at?: number
  version?: string
  oldNames: boolean
  list: boolean
  overwrite: boolean
  json?: boolean
  patience: number
}

/** `holdfast restore STORE DESTINATION`: brings files back from a store. */
export function registerRestore(program: Command): void {
  program
    .command('restore')
    .description(
      'bring a directory, a file or an older version back from a store, with modes and times; hard links come ' +
        'back as files of their own, set-user-ID bits not at all; exit code 0: all of it is there, 1: something ' +
        'is not, 2: it could not be done',
    )
    .argument('<store>', 'directory of a receiver', parsePath)
    .argument(
      '[destination]',
      'directory where the files go; what is chosen below lands directly in it',
      parsePath,
    )
    .option('--sender <name>', "only this sender's folder of the store")
    .option('--source <name>', 'only this source of the sender')
    .option('--path <path>', 'only this file or directory of the source')
    .option(
      '--at <time>',
      'as it was then: 2026-11-20, 2026-11-20T08:15 (local), 2026-11-20T08:15Z',
      parseMoment,
    )
    .option('--version <name>', 'this older version of the file, as --list names it')
    .option('--old-names', 'also what has another name at the source since, under its old one', false)
    .option('--list', 'only list what there is, older versions included; needs no destination', false)
    .option('--overwrite', 'replace files whose content differs, and set mode and time of the others', false)
    .option('--json', 'JSON lines also on a terminal; elsewhere they are the default')
    .option('--patience <time>', 'a disk that says nothing for so long hangs: 60s, 5m', patienceOf, 60)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? WELL : COULD_NOT))
    .action(async (store: string, destination: string | undefined, options: RestoreOptions) => {
      if (destination === undefined && !options.list) {
        console.error(terminalWords(message('store.restoreWhere')))
        process.exitCode = COULD_NOT
      } else process.exitCode = await restore(taskOf(store, destination, options), options)
    })
}

function taskOf(store: string, destination: string | undefined, options: RestoreOptions): Task {
  const { sender = null, source = null, path: file = null, at = null, version = null, oldNames } = options
  const wanted = { sender, source, path: file, at, version, oldNames }
  if (options.list || destination === undefined) return { does: 'list', store: path.resolve(store), wanted }
  const to = path.resolve(destination)
  return {
    does: 'restore',
    store: path.resolve(store),
    destination: to,
    wanted,
    overwrite: options.overwrite,
  }
}

async function restore(task: Task, { json = !process.stdout.isTTY, patience }: RestoreOptions) {
  const { store } = task
  const output = openProgress(json)
  const complain = (sentence: Message) => {
    output.end()
    console.error(terminalWords(sentence))
  }
  let code = COULD_NOT
  const end = await runStoreTask(task, patience * 1000, (event) => {
    switch (event.type) {
      case 'progress':
        // A list is its own progress.
        return task.does === 'list' ? undefined : output.show(event)
      case 'failed':
        return complain(event.sentence)
      case 'restore':
        sayEvent(store, event.event, json, output.say)
        return
      case 'restored': {
        const { files, bytes, restored, same, undressed, failed } = event.summary
        code = failed === 0 ? WELL : NOT_ALL
        const key = task.does === 'list' ? 'store.listed' : 'store.restored'
        const sentence = message(key, { files, bytes, restored, same, failed })
        output.say(terminalWords(sentence), { type: 'summary', ...event.summary })
        return undressed > 0 ? complain(message('store.undressed', { count: undressed })) : undefined
      }
    }
  })
  output.end()
  if (end.ended === 'hung') complain(message('store.hung', { path: store, seconds: patience }))
  if (end.ended === 'died') complain(message('store.died', { path: store, reason: end.reason }))
  return end.ended === 'done' ? code : COULD_NOT
}

/** On a terminal what went well is not listed; a program gets every file. */
function sayEvent(
  store: string,
  event: RestoreEvent,
  json: boolean,
  say: (text: string, line: object) => void,
): void {
  if (event.kind === 'listed') {
    say(listLine(event.listed), { type: 'listed', ...event.listed })
    return
  }
  const sentence = sentenceOf(store, event)
  if (sentence === null && !json) return
  say(sentence === null ? '' : terminalWords(sentence), { type: 'file', ...event })
}

function sentenceOf(store: string, event: Exclude<RestoreEvent, { kind: 'listed' }>): Message | null {
  switch (event.kind) {
    case 'restored':
    case 'same':
      return null
    case 'exists':
      return message('store.exists', { path: event.to })
    case 'folded':
      return message('store.folded', { path: event.to })
    case 'inTheWay':
      return message('store.inTheWay', { path: event.to })
    case 'damaged':
      return message('store.restoreDamaged', { path: path.join(store, event.place) })
    case 'unreadable':
      return message('store.unreadable', { path: path.join(store, event.place), reason: event.code })
    case 'strange':
      return message('store.strange', { path: path.join(store, event.place) })
    case 'missing':
      return message('store.restoreMissing', { path: path.join(store, event.place) })
    case 'failed':
      return message('store.restoreFailed', { path: event.to, reason: event.code })
    default:
      return event satisfies never
  }
}

/** "2026-11-20T08:15:00Z  12 KiB  now                     pc/data/a/b" */
function listLine({ sender, source, path: file, version, size, storedAt }: Listed): string {
  const stored = new Date(storedAt).toISOString().replace(/\.\d+Z$/, 'Z')
  const name = quoteControls([sender, source, file].join('/'))
  return `${stored}  ${formatBytes(size, 'en').padStart(9)}  ${(version ?? 'now').padEnd(26)}  ${name}`
}
