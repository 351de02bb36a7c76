import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { defer } from '../../core/defer.ts'
import { type LeftOut, type ListedFile, listFiles } from '../../core/fixity/list-files.ts'
import { writeManifest, writeSums } from '../../core/fixity/write-manifest.ts'
import { emptyLedger, readLedger } from '../../core/ledger/ledger.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import {
  type FixityKind,
  getFormKind,
  type ManifestForm,
  manifestForms,
} from '../../core/platform/fixity-kinds.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import {
  destinationIds,
  EMBEDDED_DESTINATION,
  embeddedDestination,
  namedDestination,
} from '../../core/settings/destinations.ts'
import { refuseMissing, resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { endChild, isChild, runInChild } from '../ask/in-child.ts'
import { sourceAt } from '../ask/known-path.ts'
import { settingsNow } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { terminalWords } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { version } from '../version.ts'

const WELL = 0
const NOT_ALL = 1

/** Files that are named before only their number is given. */
const MOST_NAMED = 10

interface ManifestOptions {
  data?: string
  destination?: string
  form: ManifestForm
  output?: string
  license?: string
  read: boolean
  json: boolean
}

/** `holdfast manifest FOLDER`: writes the digests of a folder's durable files in the form that an archive asks for. */
export function registerManifest(program: Command): void {
  const command = program
    .command('manifest')
    .description(
      'write a manifest of the files of a protected folder that are durable at its destinations, by the digests ' +
        'that were recorded when they were sent (folders change --digests); needs no agent; exit code 0: all of them ' +
        'are in it, 1: some are not, and are named',
    )
    .argument('<folder>', 'a protected folder, or its name', parsePath)
    .option('--destination <name>', 'files that are durable at this destination; default: at all of its own')
    .addOption(
      new Option(
        '--form <form>',
        'lines of sha256sum or md5sum, the tag files of a bag (BagIt, RFC 8493), or the metadata of an RO-Crate 1.2',
      )
        .choices(manifestForms)
        .default('sha256sum'),
    )
    .option(
      '--output <path>',
      'the file to write, of bagit and ro-crate the folder; by default sums go to standard output',
      parsePath,
    )
    .option('--license <url>', "of ro-crate: the address of the files' licence", parseUrl)
    .option('--read', 'read files without a recorded digest now, if they still have the sent content', false)
    .option('--json', 'print the files, those left out and a summary as JSON lines', false)
  withDataDirectory(command).action(async (given: string, options: ManifestOptions) => {
    // Reading a file may hang with its disk.
    if (options.read && !isChild) return runInChild(process.stdout, process.stderr)
    const code = await manifest(given, options)
    if (options.read) return endChild(code, [process.stdout, process.stderr])
    process.exitCode = code
  })
}

function parseUrl(text: string): string {
  if (!URL.canParse(text))
    throw new InvalidArgumentError(
      'It must be an address such as https://creativecommons.org/licenses/by/4.0/.',
    )
  return text
}

async function manifest(given: string, options: ManifestOptions): Promise<number> {
  const { form, output, read: mayRead, json } = options
  const isTree = form === 'bagit' || form === 'ro-crate'
  if (isTree && output === undefined) throw new WrongUsage('cli.manifest.outputWanted', { form })
  if (form !== 'ro-crate' && options.license !== undefined) throw new WrongUsage('cli.manifest.licenseUnused')
  const directory = resolveDataDirectory(options)
  refuseMissing(directory)
  const settings = await settingsNow(directory)
  const source = sourceAt(settings, given)
  const own = destinationIds(settings, source)
  const layout = getDataLayout(directory)
  const all = [embeddedDestination(layout, EMBEDDED_DESTINATION), ...settings.destinations]
  const one = options.destination === undefined ? null : namedDestination(all, options.destination)
  if (one !== null && !own.includes(one.id))
    throw new UserError('fixity.notThere', { name: source.name, destination: one.name })
  const destinations = one === null ? own : [one.id]
  const kind = getFormKind(form)
  const ledger = readLedger(layout.ledger) ?? emptyLedger
  const left = createLeftOut(kind, json, (id) => all.find((known) => known.id === id)?.name ?? id)
  using _ = defer(() => ledger.close())
  const found = listFiles({ ledger, source, destinations, kind, mayRead }, left.add)
  const files = json ? printing(found) : found
  const about = {
    name: source.name,
    agent: `Holdfast ${version}`,
    license: options.license ?? null,
    now: new Date(),
  }
  const written =
    output === undefined
      ? await writeSums(files, kind, json ? async () => undefined : print)
      : await writeManifest(files, form, path.resolve(output), about)
  const waiting = ledger.notDurable(destinations, source.id)
  left.end()
  const summary = { ...written, leftOut: left.count, damaged: left.damaged, notDurable: waiting }
  if (json)
    await print(
      `${jsonText({ type: 'summary', ...summary, ...(output && { output: path.resolve(output) }) })}\n`,
    )
  else {
    const params = { name: source.name, count: written.files, files: written.files, bytes: written.bytes }
    if (output !== undefined)
      console.error(terminalWords(message('cli.manifest.written', { ...params, path: output })))
    if (waiting > 0) console.error(terminalWords(message('cli.manifest.waiting', { count: waiting })))
  }
  return left.count === 0 ? WELL : NOT_ALL
}

/** Waits for a slow reader of the output. */
const print = (text: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(text, () => resolve()))

async function* printing(files: AsyncIterable<ListedFile>): AsyncGenerator<ListedFile> {
  for await (const file of files) {
    const { path: name, size, modifiedAt, digests } = file
    await print(`${jsonText({ type: 'file', path: name, size, modifiedAt, ...digests })}\n`)
    yield file
  }
}

/** Reports the files that are not in the manifest. */
function createLeftOut(kind: FixityKind, json: boolean, toName: (destination: string) => string) {
  let count = 0
  let unrecorded = 0
  let damaged = 0
  return {
    get count() {
      return count
    },
    get damaged() {
      return damaged
    },
    add(file: LeftOut) {
      count += 1
      if (file.why === 'unrecorded') unrecorded += 1
      if (file.why === 'damaged') damaged += 1
      const named = file.why === 'damaged' ? { ...file, destination: toName(file.destination) } : file
      if (json) console.log(jsonText({ type: 'leftOut', ...named }))
      else if (count <= MOST_NAMED) console.error(terminalWords(describeLeftOut(named, kind)))
    },
    end() {
      if (json) return
      if (count > MOST_NAMED)
        console.error(terminalWords(message('cli.manifest.more', { count: count - MOST_NAMED })))
      if (unrecorded > 0) console.error(terminalWords(message('cli.manifest.readThem')))
    },
  }
}

function describeLeftOut(file: LeftOut, kind: FixityKind): Message {
  const params = { path: quoteControls(file.path), kind: kind === 'md5' ? 'MD5' : 'SHA-256' }
  if (file.why === 'damaged') return message('cli.manifest.damaged', { ...params, name: file.destination })
  if (file.why === 'unreadable') return message('cli.manifest.unreadable', { ...params, reason: file.code })
  return message(file.why === 'changed' ? 'cli.manifest.changed' : 'cli.manifest.unrecorded', params)
}
