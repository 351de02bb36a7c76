import path from 'node:path'
import { shellWord } from '../../../lib/i18n/formats.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { isWithin } from '../../../platform/mounts.ts'
import type { Examined } from '../../../scan/scanner-messages.ts'
import { destinationWord } from '../../../settings/destinations.ts'
import type { Source } from '../../../settings/schema.ts'
import { absolutePath, relativeTo } from '../../../walk/scanned-file.ts'
import {
  describeHeld,
  destinationFailure,
  getScanActivity,
  isSafe,
  scanProblem,
  surroundingPause,
  UNSEEN,
} from '../../state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../state/schema.ts'
import { findPause } from '../../state/status.ts'
import type { ExplainedPlace, Explanation, ExplanationStep } from './contract.ts'

// Decides where a file is, why it is not elsewhere, and which command would change that. Pure.

type Place = ExplainedPlace & { step?: ExplanationStep }

/** Returns the protected folder that contains a path, by its own path or by the link that it was given by. */
export function findSourceOf(
  sources: readonly Source[],
  file: string,
): { source: Source; path: string } | null {
  const found = sources.flatMap((source) =>
    [source.path, source.link].flatMap((root) =>
      root !== null && isWithin(file, root) ? [{ source, root, path: relativeTo(root, file) }] : [],
    ),
  )
  return found.sort((one, other) => other.root.length - one.root.length)[0] ?? null
}

/** Explains a path that is in no protected folder. */
export function explainOutside(file: string, isDirectory = false): Explanation {
  const directory = isDirectory ? file : path.dirname(file)
  return {
    ...{ path: file, folder: null, verdict: 'outside', sentence: message('why.outside') },
    ...{ details: [], places: [], below: null },
    steps: [step('why.step.protect', `folders add ${shellWord(directory)}`, directory)],
  }
}

export function explainFile(
  state: AppState,
  source: SourceState,
  relative: string,
  examined: Examined,
): Explanation {
  const { settings } = source
  const file = absolutePath(settings.path, relative)
  const destinations = source.destinations.flatMap(({ id }) =>
    state.destinations.filter((one) => one.id === id),
  )
  const places = destinations.map((one) => explainPlace(state, source, one, relative, examined))
  const { sentence, verdict, details = [], steps = [] } = decide(state, source, file, examined, places)
  const isIdle = state.host === 'command' && MAY_WAIT.has(verdict)
  // Without a file to send, only the destinations that have something are of interest.
  const ofPlaces = places.filter((one) => one.state !== 'none')
  const start = isIdle ? [step('why.step.agent', 'agent')] : []
  const all = [...steps, ...start, ...ofPlaces.flatMap((one) => one.step ?? [])]
  return {
    ...{ path: file, folder: { id: settings.id, name: settings.name, file: relative } },
    ...{ verdict, sentence },
    details: [...describeHere(examined), ...details, ...(isIdle ? [message('why.noAgent')] : [])],
    places: ofPlaces.map(({ step: _, ...place }) => place),
    below: examined.below,
    // Several destinations may have the same remedy.
    steps: all.filter((one, index) => all.findIndex(({ command }) => command === one.command) === index),
  }
}

/** Verdicts on paths with something to send, perhaps. */
const MAY_WAIT: ReadonlySet<Explanation['verdict']> = new Set(['waiting', 'parked', 'folder'])

function describeHere({ size, modifiedAt }: Examined): Message[] {
  return size === null || modifiedAt === null ? [] : [message('why.here', { size, at: modifiedAt })]
}

type Decision = Pick<Explanation, 'verdict' | 'sentence'> & Partial<Pick<Explanation, 'details' | 'steps'>>

function decide(
  state: AppState,
  source: SourceState,
  file: string,
  examined: Examined,
  places: readonly Place[],
): Decision {
  const { here, why, target } = examined
  const { settings } = source
  const having = places.filter((one) => one.state === 'durable')
  if (target !== null)
    return {
      ...{ verdict: 'left-out', sentence: message('why.link', { target }) },
      steps: [step('why.step.target', `why ${shellWord(target)}`, target)],
    }
  if (here === 'unanswered') return { verdict: 'unknown', sentence: message('why.unanswered'), ...ofDisk() }
  const unseen = here === 'file' ? null : findUnseen(source, examined)
  if (unseen !== null) return { verdict: 'unknown', sentence: unseen, ...ofDisk() }
  if (here === 'gone') return explainGone(state, settings, file, examined, having)
  if (why !== null && isLeftOut(why)) return explainLeftOut(settings, file, why, places)
  if (here === 'directory') return explainDirectory(source, examined)
  if (places.length > 0 && having.length === places.length) {
    const known = state.destinations.filter(({ id }) => having.some(({ destination }) => destination === id))
    const versions = having.slice(0, 1).map((one) => versionsStep(state, settings, file, one))
    if (known.some(isSafe)) return { verdict: 'safe', sentence: message('why.safe'), steps: versions }
    const add = step('why.step.destination', 'destinations add --help')
    return { verdict: 'copied', sentence: message('why.copied'), steps: [add, ...versions] }
  }
  if (places.some((one) => one.state === 'parked'))
    return { verdict: 'parked', sentence: message('why.parked') }
  const delay = delayOf(source, file, why)
  if (having.length > 0) return { verdict: 'waiting', sentence: message('why.partly'), ...delay }
  const isChanged = places.some((one) => one.state === 'older')
  return { verdict: 'waiting', sentence: message(isChanged ? 'why.changed' : 'why.waiting'), ...delay }
}

/** Returns why a path cannot be seen, so that it may be there although it seems to be gone; null: it can be seen. */
function findUnseen(source: SourceState, { missing }: Examined): Message | null {
  const { checked, scanned } = source
  if (checked !== null && UNSEEN.has(checked.overall.kind)) return checked.overall.sentence
  return missing ?? (scanned?.phase === 'failed' ? scanProblem(source) : null)
}

function explainGone(
  { destinations }: AppState,
  settings: Source,
  file: string,
  { rows, gone }: Examined,
  having: readonly Place[],
): Decision {
  const relative = relativeTo(settings.path, file)
  const restore = (destination: string) =>
    step(
      'why.step.restore',
      `restore --from ${destinationWord(destinations, destination)} ${shellWord(there(settings, relative))} --in-place --missing-only`,
      destination,
    )
  const [first] = having
  if (first !== undefined) {
    const isRemoved = rows.some(({ removedAt }) => removedAt !== null)
    return {
      ...{ verdict: 'gone', sentence: message(isRemoved ? 'why.removed' : 'why.gone') },
      steps: [restore(first.destination)],
    }
  }
  if (gone === null) return { verdict: 'nowhere', sentence: message('why.nowhere') }
  return {
    ...{ verdict: 'gone', sentence: message('why.goneFolder', { count: gone.files }) },
    steps: [restore(gone.destination)],
  }
}

function explainLeftOut(settings: Source, file: string, why: Message, places: readonly Place[]): Decision {
  const isSent = places.some(({ since }) => since !== null)
  const steps = leftOutSteps(settings, file, why)
  if (why.key === 'scan.why.unreadable') {
    const sentence = message(isSent ? 'why.unreadableNow' : 'why.unreadable', why.params)
    return { verdict: 'left-out', sentence, steps }
  }
  const sentence = message(isSent ? 'why.leftOutNow' : 'why.leftOut')
  return { verdict: 'left-out', sentence, details: [why, ...whereSet(settings, why)], steps }
}

function explainDirectory({ settings, ...source }: SourceState, { below, gone }: Examined): Decision {
  const { sent = 0, waiting = 0 } = below ?? {}
  const details = [
    ...(gone === null ? [] : [message('why.goneBelow', { count: gone.files })]),
    ...(below?.isPart === true ? [message('why.part')] : []),
    ...[scanProblem({ settings, ...source })].filter((one) => one !== null),
  ]
  const list = step('why.step.list', `send ${shellWord(settings.path)} --list --why`, settings.id)
  const isAll = waiting === 0 && (below?.others.length ?? 0) === 0
  return {
    ...{ verdict: 'folder', sentence: message('why.folder', { sent, waiting }) },
    ...{ details, steps: isAll ? [] : [list] },
  }
}

/** Explains one destination: what it has of the file, or what the file waits for. */
function explainPlace(
  state: AppState,
  source: SourceState,
  destination: DestinationState,
  relative: string,
  examined: Examined,
): Place {
  const { id, name } = destination
  const { settings } = source
  const row = examined.rows.find((one) => one.destination === id)
  const base = { destination: id, name, since: row?.since ?? null, detail: null }
  const at = row?.since ?? 0
  if (row?.state === 'sent' && (row.isSame || examined.here !== 'file'))
    return { ...base, state: 'durable', sentence: message('why.place.durable', { at, size: row.size }) }
  if (examined.here === 'gone' && base.since !== null)
    return { ...base, state: 'durable', sentence: message('why.place.older', { at }) }
  const older = { ...base, state: 'older' as const, sentence: message('why.place.older', { at }) }
  const none = { ...base, state: 'none' as const, sentence: message('why.place.none') }
  if (examined.here !== 'file') return base.since === null ? none : older
  if (row?.state === 'parked' && row.isSame) {
    const retry = step('why.step.retry', `folders retry ${shellWord(settings.path)}`, settings.id)
    return { ...none, state: 'parked', detail: row.reason, step: retry }
  }
  const place =
    base.since === null
      ? { ...none, state: 'waiting' as const, sentence: message('why.place.waiting') }
      : older
  if (examined.why !== null && isLeftOut(examined.why)) return base.since === null ? none : older
  if (examined.why !== null && isLater(examined.why)) return place
  const [detail, remedy] = waitsFor(state, source, destination, relative, row)
  return { ...place, detail, ...(remedy === null ? {} : { step: remedy }) }
}

/** Returns the first thing that keeps a waiting file from a destination, with its remedy. */
function waitsFor(
  state: AppState,
  source: SourceState,
  destination: DestinationState,
  relative: string,
  row: Examined['rows'][number] | undefined,
): [Message | null, ExplanationStep | null] {
  const { settings } = source
  const folder = shellWord(settings.path)
  const transfer = state.transfers.find(({ id }) => row !== undefined && id === row.id)
  if (transfer !== undefined) {
    const share = transfer.size === 0 ? 0 : transfer.sentBytes / transfer.size
    return [message('why.wait.transfer', { percent: Math.floor(share * 100) }), null]
  }
  if (findPause(state) !== null) return explainPause(state)
  if (settings.paused)
    return [
      message('why.wait.folderPaused'),
      step('why.step.resume', `folders resume ${folder}`, settings.id),
    ]
  const held = describeHeld(source)
  if (held !== null) return [held.sentence, step('why.step.held', `folders accept ${folder}`, settings.id)]
  const name = destinationWord(state.destinations, destination.id)
  if (destination.ejectedAt !== undefined)
    return [message('why.wait.ejected'), step('why.step.use', `destinations use ${name}`, destination.id)]
  if (state.host === 'command') return [row?.reason ?? null, null]
  const failure = destinationFailure(state, destination)
  if (failure !== null)
    return [failure.sentence, step('why.step.test', `destinations test ${name}`, destination.id)]
  if (row === undefined || !row.isSame) {
    const problem = scanProblem(source)
    if (problem !== null) return [problem, ...ofDisk().steps] as [Message, ExplanationStep]
    const activity = getScanActivity(source)
    return [
      message(activity === 'watching' || activity === 'polling' ? 'why.wait.unseen' : 'why.wait.compared'),
      null,
    ]
  }
  const restless = source.destinations
    .flatMap(({ id, restless: all = [] }) => (id === destination.id ? all : []))
    .find((one) => one.path === relative && one.source === settings.id)
  if (restless !== undefined && restless.nextAt !== null)
    return [message('why.wait.changing', { at: restless.nextAt }), null]
  if (row.reason !== null) return [row.reason, null]
  if (destination.connection.state !== 'connected') return [message('why.wait.connecting'), null]
  return [message('why.wait.turn', { count: Math.max(0, destination.totals.waitingFiles - 1) }), null]
}

function explainPause(state: AppState): [Message, ExplanationStep] {
  const { pause } = state.settings
  if (pause !== null) {
    const { until } = pause
    const sentence = until === null ? message('why.wait.paused') : message('why.wait.pausedUntil', { until })
    return [sentence, step('why.step.resume', 'folders resume')]
  }
  const because = surroundingPause(state)
  if (because === 'battery')
    return [
      message('why.wait.battery'),
      step('why.step.limit', 'settings limit --no-pause-on-battery', 'send.pauseOnBattery'),
    ]
  if (because === 'metered')
    return [
      message('why.wait.metered'),
      step('why.step.limit', 'settings limit --no-pause-on-metered', 'send.pauseOnMetered'),
    ]
  const { until } = state.allowance
  const sentence =
    until === null ? message('why.wait.schedule') : message('why.wait.scheduleUntil', { until })
  return [sentence, step('why.step.limit', 'settings limit', 'send.schedule')]
}

/** Reasons that pass without a person. */
const LATER = new Set(['scan.why.tooYoung', 'scan.why.writing', 'scan.why.changing'])
const isLater = ({ key }: Message): boolean => LATER.has(key)
/** Results of earlier scans. */
const SENT = new Set(['scan.why.sent', 'scan.why.parked'])
/** Marks of another program, which mean that it sent the file: a person decides. */
const MARKED = new Set(['scan.why.transferred', 'scan.why.batchSent'])
const isLeftOut = (why: Message): boolean => !isLater(why) && !SENT.has(why.key)

/** Explains a file that is sent later. */
function delayOf({ settings }: SourceState, file: string, why: Message | null): Partial<Decision> {
  if (why === null || !isLater(why)) return {}
  const details = [why]
  if (why.key === 'scan.why.tooYoung')
    return { details: [...details, ...whereSet(settings, why)], steps: leftOutSteps(settings, file, why) }
  if (why.key !== 'scan.why.writing' || process.platform !== 'linux') return { details }
  return { details, steps: [shellStep('why.step.writers', `fuser -v ${shellWord(file)}`)] }
}

/** Names the settings that leave a file out; most other reasons are fixed rules. */
function whereSet({ name }: Source, { key }: Message): Message[] {
  if (MARKED.has(key)) return []
  return [SET_IN_RULES.has(key) ? message('why.set', { name }) : message('why.fixed')]
}

const SET_IN_RULES = new Set([
  'scan.why.ignored',
  'scan.why.hidden',
  'scan.why.temporary',
  'scan.why.tooSmall',
  'scan.why.tooLarge',
  'scan.why.tooYoung',
  'scan.why.otherFileSystem',
  'scan.why.notBatch',
])

function leftOutSteps(settings: Source, file: string, { key, params }: Message): ExplanationStep[] {
  const folder = shellWord(settings.path)
  const change = (options: string) => [
    step('why.step.rules', `folders change ${folder} ${options}`, settings.id),
  ]
  switch (key) {
    case 'scan.why.ignored': {
      const left = settings.ignore.filter((one) => one !== params.pattern)
      return change(
        left.length === 0 ? '--no-ignore' : left.map((one) => `--ignore ${shellWord(one)}`).join(' '),
      )
    }
    case 'scan.why.hidden':
      return change('--hidden send')
    case 'scan.why.temporary':
      return change('--temporary send')
    case 'scan.why.tooSmall':
      return change('--min-size none')
    case 'scan.why.tooLarge':
      return change('--max-size none')
    case 'scan.why.tooYoung':
      return change('--min-age 0')
    case 'scan.why.otherFileSystem':
      return change('--no-one-file-system')
    case 'scan.why.transferred':
    case 'scan.why.batchSent':
      return [
        step('why.step.confirm', `folders confirm ${folder}`, settings.id),
        step('why.step.send', `folders send ${folder}`, settings.id),
      ]
    case 'scan.why.unreadable':
    case 'scan.why.name':
      return [shellStep('why.step.look', `ls -lab ${shellWord(path.dirname(file))}`)]
    default:
      return []
  }
}

const ofDisk = () => ({ steps: [step('why.step.failures', 'failures --lasting')] })

/** Returns the name of a file at a destination, as `holdfast restore` takes it. */
const there = ({ name }: Source, relative: string): string => (relative === '' ? name : `${name}/${relative}`)

const versionsStep = (
  { destinations }: AppState,
  settings: Source,
  file: string,
  { destination }: Place,
): ExplanationStep => {
  const wanted = shellWord(there(settings, relativeTo(settings.path, file)))
  return step(
    'why.step.versions',
    `restore --from ${destinationWord(destinations, destination)} ${wanted} --list`,
    destination,
  )
}

const step = (key: ExplanationStep['sentence']['key'], command: string, about = ''): ExplanationStep => ({
  ...{ sentence: message(key), command: `holdfast ${command}`, about },
})

const shellStep = (key: ExplanationStep['sentence']['key'], command: string): ExplanationStep => ({
  ...{ sentence: message(key), command, about: '' },
})
