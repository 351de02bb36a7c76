import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { message } from '../../core/lib/i18n/message.ts'
import { toSentence } from '../../core/lib/i18n/user-error.ts'
import type { Task } from '../../core/restore/task.ts'
import { withDataDirectory } from '../ask/data-directory.ts'
import { parseTime } from '../terminal/moment.ts'
import { parseTimeout } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { openProgress } from '../terminal/progress.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { buildRestoreTask, type RestoreOptions, where } from './restore-task.ts'
import { computerLine, sayEvent } from './restore-words.ts'
import { runStoreTask } from './store-task.ts'

const WELL = 0
const NOT_ALL = 1
const COULD_NOT = 2

/** `holdfast restore STORE DESTINATION`, `holdfast restore --from DESTINATION`: restores files. */
export function registerRestore(program: Command): void {
  const command = program
    .command('restore')
    .description(
      'bring a folder, a file or an older version back, from a destination (--from) or from the folder of a ' +
        'store, with modes and times; hard links come back as separate files, set-user-ID bits are not restored; exit ' +
        'code 0: all of it is there, 1: something is not, 2: it could not be done',
    )
    .argument(
      '[what]',
      'with --from: the name of a protected folder, or NAME/PATH in it, else all; without: folder of a receiver',
    )
    .argument(
      '[folder]',
      'without --from: the folder to restore to; the chosen files are written directly into it',
      parsePath,
    )
    .option('--from <destination>', 'a destination\'s name or id; "embedded": the receiver on this computer')
    .option(
      '--to <folder>',
      'with --from: the folder to restore to; by default a new one here, named after the time',
      parsePath,
    )
    .addOption(
      new Option('--in-place', 'with --from: put the files back where they were, in their protected folders')
        .conflicts('to')
        .default(false),
    )
    .option('--missing-only', 'only files that are missing at the target; existing ones are not read', false)
    .option('--computer <folder>', "with --from: take over another computer's files, by its folder there")
    .option('--computers', 'with --from: only list the computers that have files there', false)
    .option('--identity-file <file>', 'with --from: the age identity that opens encrypted files', parsePath)
    .option('--sender <name>', "only this station's folder of the store")
    .option('--source <name>', 'only this folder of the station')
    .option('--path <path>', 'only the file or folder at this path, inside its protected folder')
    .option(
      '--at <time>',
      "the state at this time: 2d (ago), 'yesterday 14:00', 2026-11-20 (0:00 of it), 2026-11-20T08:15",
      parseTime,
    )
    .option('--version <name>', 'this older version of the file, as --list names it')
    .option(
      '--old-names',
      'of a store: also files that were renamed at the station since, under their old names',
      false,
    )
    .option('--list', 'only list the stored files, older versions included; needs no folder', false)
    .option('--overwrite', 'replace files whose content differs, and set mode and time of the others', false)
    .addOption(
      new Option('--keep-both', 'write a file beside an existing one with other content, under another name')
        .conflicts('overwrite')
        .default(false),
    )
    .addOption(
      new Option(
        '--manifest <file>',
        'restore only contents with the digests of this manifest (sha256sum, md5sum, or a bag), and report those missing',
      )
        .argParser(parsePath)
        .conflicts(['list', 'computers', 'version']),
    )
    .option('--json', 'print JSON lines', false)
    .option('--patience <time>', 'a disk that does not answer for this long hangs: 60s, 5m', parseTimeout, 60)
  withDataDirectory(command).action(
    async (what: string | undefined, directory: string | undefined, options: RestoreOptions) => {
      try {
        const task = await buildRestoreTask(what, directory, options)
        process.exitCode = await restore(task, options)
      } catch (error) {
        const sentence = toSentence(error)
        console.error(terminalWords(sentence))
        // A person may have named a file of a protected folder.
        if (sentence.key === 'store.restoreWhere' && what !== undefined)
          console.error(terminalWords(message('cli.restore.ofFolder', { path: what })))
        process.exitCode = COULD_NOT
      }
    },
  )
}

/** True if the contents of a destination's folder are encrypted; its disk has just answered. */
const isEncrypted = (store: string): boolean => existsSync(path.join(store, '.holdfast/encryption.json'))

async function restore(task: Task, { json, patience }: RestoreOptions) {
  const { from } = task
  const store = where(task)
  const output = openProgress(json)
  let code = COULD_NOT
  if (!('store' in from) && task.does === 'restore' && !json)
    output.say(translate('restore.to', { path: task.wanted[0]?.destination ?? '' }), {})
  const end = await runStoreTask(task, store, patience, (event) => {
    switch (event.type) {
      case 'progress':
        // A list needs no progress bar: its lines show the progress.
        return task.does === 'list' ? undefined : output.show(event)
      case 'failed':
        return output.fail(event.sentence)
      case 'restore':
        sayEvent(store, event.event, json, output.say)
        return
      case 'computers':
        code = WELL
        for (const one of event.computers) output.say(computerLine(one), { type: 'computer', ...one })
        if (event.computers.length === 0) output.complain(message('restore.noComputers', { name: store }))
        return
      case 'restored': {
        const { files, bytes, restored, same, undressed, failed } = event.summary
        code = failed === 0 ? WELL : NOT_ALL
        const isHere = files > 0 && same === files
        const key = task.does === 'list' ? 'store.listed' : isHere ? 'store.restoredSame' : 'store.restored'
        const sentence = message(key, { count: files, files, bytes, restored, same, failed })
        output.say(terminalWords(sentence), { type: 'summary', ...event.summary })
        return undressed > 0 ? output.complain(message('store.undressed', { count: undressed })) : undefined
      }
    }
  })
  output.end()
  if (end === null && 'store' in from && isEncrypted(from.store)) output.complain(message('store.encrypted'))
  if (end === null) return code
  output.fail(end)
  return COULD_NOT
}
