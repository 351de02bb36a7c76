import { type Command, Option } from 'commander'
import { commands } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { getSamples, type Samples, samplesSchema } from '../../core/settings/destination-schema.ts'
import { formatLocation, LONGEST_NAME, namedDestination } from '../../core/settings/destinations.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { getDataDirectory, inData, withDataDirectory } from '../ask/data-directory.ts'
import { sourceAt } from '../ask/known-path.ts'
import {
  ask,
  askForChange,
  changeSettings,
  runningState,
  settingsIn,
  settingsNow,
} from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { parserBy } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { about, named, terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { addDestination, testDestination } from './add-destination.ts'
import { changeDestination } from './change-destination.ts'
import { destinationLine, withFailures } from './destination-line.ts'
import { type AddOptions, addableKinds, withChanges } from './destination-options.ts'
import { registerKeep } from './keep.ts'

interface Options {
  json?: boolean
  all?: boolean
}

/** `holdfast destinations`: lists and edits the destinations; `holdfast pair CODE` adds a receiver. */
export function registerDestinations(program: Command): void {
  const command = program
    .command('destinations')
    .description(
      'list where files go; add, test, change, rename, remove or choose destinations (holdfast pair adds a receiver)',
    )
    .option('--json', 'print the list as JSON')
  withDataDirectory(command).action(inData(list))
  registerAdding(command)
  withDataDirectory(
    command
      .command('test')
      .description(
        'open a destination, and unless it is a receiver write a small file there, read it back and remove it; exit code 1: it failed',
      )
      .argument('<name>', 'the destination')
      .option('--json', 'print the result as JSON'),
  ).action(inData(testDestination))
  withDataDirectory(
    withChanges(
      command
        .command('change')
        .description(
          'change how a receiver, a server or a bucket is reached, after a test: its new address or host key, another password; omitted fields stay',
        )
        .argument('<name>', 'the destination'),
    ),
  ).action(inData(changeDestination))
  withDataDirectory(
    command
      .command('eject')
      .description(
        'stop using the disk of a folder, close everything there, and unmount it if this user may; its files wait, without an alert, until the disk is back; exit code 1: it must not be unplugged yet',
      )
      .argument('<name>', 'a folder')
      .option('--json', 'print the result as JSON'),
  ).action(inData(eject))
  withDataDirectory(
    command
      .command('use')
      .description('use an ejected folder again, without waiting until its disk was away')
      .argument('<name>', 'an ejected folder')
      .option('--json', 'print the result as JSON'),
  ).action(inData(useAgain))
  withDataDirectory(
    command
      .command('proposal')
      .description(
        'show the settings that a receiver proposes, and what they would change here; accept or decline them',
      )
      .argument('<name>', 'a receiver')
      .option('--accept', 'make these changes')
      .option('--decline', 'leave the settings as they are')
      .addOption(
        new Option(
          '--always <choice>',
          'on: accept what this receiver proposes from now on, without a question; off: ask (default)',
        ).choices(['on', 'off']),
      )
      .option('--json', 'print the proposal as JSON'),
  ).action(inData(decideProposal))
  withDataDirectory(
    command
      .command('samples')
      .description(
        'show or change how many random files a destination reads again each day to find damage (holdfast verify --sample reads ' +
          'some now); a receiver proves files that are here without sending them, all others are read back',
      )
      .argument('<name>', 'the destination')
      .option(
        '--files-per-day <count>',
        'at most so many files a day; 0: none',
        parserBy(samplesSchema.shape.filesPerDay, 'a whole number from 0 to 100000'),
      )
      .option(
        '--gib-per-day <size>',
        'at most so many GiB a day on average',
        parserBy(samplesSchema.shape.gibPerDay, 'a number above 0, at most 100000'),
      )
      .option('--json', 'print them as JSON'),
  ).action(inData(samplesOf))
  registerKeep(command)
  withDataDirectory(
    command
      .command('rename')
      .description('rename a destination; nothing else changes')
      .argument('<name>', 'the destination')
      .argument('<new-name>', 'its new name'),
  ).action(inData(rename))
  withDataDirectory(
    command
      .command('remove')
      .description('stop sending there; files there and here stay')
      .argument('<name>', 'the destination'),
  ).action(inData(remove))
  withDataDirectory(
    command
      .command('delete-local')
      .description(
        'delete the copies that were made on this computer while there was no destination, with their earlier contents; refused until every file is at its destinations',
      ),
  ).action(inData(deleteLocal))
  withDataDirectory(
    command
      .command('choose')
      .description('choose the destinations of one folder')
      .argument('<path>', 'a protected folder', parsePath)
      .argument('[name...]', 'the destinations that its files go to')
      .option('--all', 'all destinations, also those that are added later'),
  ).action(inData(choose))
}

/** `holdfast destinations add KIND …`. */
function registerAdding(destinations: Command): void {
  const add = destinations.command('add').description('test a folder, a server or a bucket, and add it')
  for (const { kind, description, arguments: words, withOptions, parse } of addableKinds) {
    const command = withOptions(withDataDirectory(add.command(kind).description(description)))
    for (const [name, about] of words) command.argument(name, about)
    command.action(() => {
      const options = command.optsWithGlobals<AddOptions>()
      return addDestination(getDataDirectory(command), parse(command.args, options), options)
    })
  }
}

async function list(dataDirectory: string, { json }: Options): Promise<void> {
  const state = await runningState(dataDirectory)
  const settings = settingsIn(state, dataDirectory)
  if (json) {
    const all = state === null ? settings.destinations : withFailures(state).destinations
    console.log(jsonText(all, 2))
    return
  }
  if (settings.destinations.length === 0) console.log(translate('cli.destinations.none'))
  const path = state?.localCopies ?? null
  if (path !== null) console.log(translate('cli.destinations.localCopies', { path }))
  for (const destination of settings.destinations) {
    const { id, name } = destination
    const known = state?.destinations.find((one) => one.id === id)
    console.log(
      state === null || known === undefined
        ? translate('cli.destination', { name, address: formatLocation(destination) })
        : destinationLine(state, known),
    )
  }
}

async function eject(dataDirectory: string, given: string, { json }: Options): Promise<void> {
  let name = given
  const { output } = await askForChange(dataDirectory, ({ destinations }) => {
    const found = namedDestination(destinations, given)
    name = found.name
    return { command: 'ejectDestination', input: { id: found.id } }
  })
  const { removable, sentence, command } = commands.ejectDestination.output.parse(output)
  if (!removable) process.exitCode = 1
  if (json) return console.log(jsonText({ name, removable, sentence, command }))
  console.log(terminalWords(sentence))
  if (command !== null) console.log(translate('cli.destinations.ejectCommand', { command }))
}

type SamplesOptions = Options & Partial<Samples>

/** Shows the samples of a destination, after the change if one is given. */
async function samplesOf(
  dataDirectory: string,
  given: string,
  { filesPerDay, gibPerDay, json = false }: SamplesOptions,
): Promise<void> {
  const isQuestion = filesPerDay === undefined && gibPerDay === undefined
  const { destinations } = isQuestion
    ? await settingsNow(dataDirectory)
    : await changeSettings(dataDirectory, (before) => {
        const found = namedDestination(before.destinations, given)
        const samples = { ...getSamples(found), ...omitUndefined({ filesPerDay, gibPerDay }) }
        return { command: 'setSamples', input: { id: found.id, samples } }
      })
  const destination = namedDestination(destinations, given)
  const { name } = destination
  const samples = getSamples(destination)
  if (json) return console.log(jsonText({ name, ...samples }))
  const key = samples.filesPerDay === 0 ? 'cli.samples.off' : 'cli.samples.on'
  console.log(translate(key, { name, ...samples, word: shellWord(name) }))
}

async function useAgain(dataDirectory: string, given: string, { json }: Options): Promise<void> {
  let name = given
  await changeSettings(dataDirectory, ({ destinations }) => {
    const found = namedDestination(destinations, given)
    name = found.name
    return { command: 'useDestination', input: { id: found.id } }
  })
  console.log(json ? jsonText({ name, used: true }) : translate('cli.destinations.used', { name }))
}

interface ProposalOptions extends Options {
  accept?: boolean
  decline?: boolean
  always?: 'on' | 'off'
}

/** Shows the last proposal of a receiver, after the decision if one is given. */
async function decideProposal(
  dataDirectory: string,
  given: string,
  { accept = false, decline = false, always, json = false }: ProposalOptions,
): Promise<void> {
  if (accept && decline) throw new WrongUsage('cli.proposal.both')
  const { id, name } = namedDestination((await settingsNow(dataDirectory)).destinations, given)
  if (always !== undefined)
    await changeSettings(dataDirectory, () => ({
      command: 'setAcceptProposals',
      input: { id, accept: always === 'on' },
    }))
  const before = await readProposal(dataDirectory, id)
  if (accept || decline) {
    if (before === null || before.decision !== null) throw new UserError('refuse.proposalNone', { name })
    await changeSettings(dataDirectory, () => ({
      command: accept ? 'acceptProposal' : 'declineProposal',
      input: { destination: id, proposal: before.id },
    }))
  }
  const settings = await settingsNow(dataDirectory)
  const own = settings.destinations.find((one) => one.id === id)
  const isAlways = own?.kind === 'receiver' && own.acceptProposals === true
  const after = await readProposal(dataDirectory, id)
  if (json) return console.log(jsonText({ name, acceptProposals: isAlways, proposal: after }, 2))
  if (always !== undefined) console.log(translate(`cli.proposal.always.${always}`, { name }))
  if (after === null) return console.log(translate('cli.proposal.none', { name }))
  const { by, at, decision, missing, alsoFor } = after
  if (decision !== null) {
    const key = decision.accepted ? 'cli.proposal.accepted' : 'cli.proposal.declined'
    console.log(translate(key, { name, by, at: decision.at }))
    if (decision.sentence !== null) console.log(`  ${terminalWords(decision.sentence)}`)
    return
  }
  console.log(translate('cli.proposal.waiting', { name, by, at }))
  for (const { source, key, from, to } of after.differences) {
    const what = source === null ? key : `${source}: ${key}`
    console.log(
      `  ~ ${about(quoteControls(what), quoteControls(`${JSON.stringify(from)} -> ${JSON.stringify(to)}`))}`,
    )
  }
  if (missing.length > 0) console.log(translate('cli.proposal.missing', { names: named(missing) }))
  if (alsoFor.length > 0) console.log(translate('cli.proposal.alsoFor', { names: named(alsoFor) }))
  console.log(translate('cli.proposal.decide', { name }))
}

async function readProposal(dataDirectory: string, destination: string) {
  const { proposals } = commands.proposals.output.parse(
    await ask(dataDirectory, { command: 'proposals', input: {} }),
  )
  return proposals.find((one) => one.destination === destination) ?? null
}

async function rename(dataDirectory: string, name: string, next: string): Promise<void> {
  if (next.trim() === '' || next.trim().length > LONGEST_NAME)
    throw new WrongUsage('refuse.destinationNameLength', { most: LONGEST_NAME })
  await changeSettings(dataDirectory, ({ destinations }) => ({
    command: 'renameDestination',
    input: { id: namedDestination(destinations, name).id, name: next },
  }))
  console.log(translate('cli.destinations.renamed', { name, next }))
}

async function remove(dataDirectory: string, given: string): Promise<void> {
  let name = given
  const after = await changeSettings(dataDirectory, ({ destinations }) => {
    const found = namedDestination(destinations, given)
    name = found.name
    return { command: 'removeDestination', input: { id: found.id } }
  })
  const key = after.destinations.length === 0 ? 'cli.destinations.removedLast' : 'cli.destinations.removed'
  console.log(translate(key, { name }))
}

async function deleteLocal(dataDirectory: string): Promise<void> {
  await sendCommand(dataDirectory, 'deleteLocalCopies', {})
  console.log(translate('localCopies.deleted'))
}

async function choose(
  dataDirectory: string,
  directory: string,
  names: readonly string[],
  { all = false }: Options,
): Promise<void> {
  if (all === names.length > 0) throw new WrongUsage('cli.destinations.chooseWhat')
  const findIds = ({ destinations }: ShownSettings) =>
    all ? null : [...new Set(names.map((name) => namedDestination(destinations, name).id))]
  const after = await changeSettings(dataDirectory, (settings) => ({
    command: 'changeSource',
    input: { id: sourceAt(settings, directory).id, changes: { destinations: findIds(settings) } },
  }))
  const chosen = findIds(after)
  const list = after.destinations.filter(({ id }) => chosen === null || chosen.includes(id))
  const said = { path: sourceAt(after, directory).path, names: named(list.map(({ name }) => name)) }
  console.log(translate('cli.destinations.chosen', said))
}
