import { Button, Menu } from '@mantine/core'
import { useState } from 'react'
import { destinationFailure, stateWhenWell } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Breakable } from '../../ui/breakable.tsx'
import {
  IconAdjustments,
  IconHeartbeat,
  IconPencil,
  IconPlayerEject,
  IconPlayerPlay,
  IconRestore,
  IconSettings,
  IconShieldCheck,
  IconTrash,
} from '../../ui/icons.ts'
import { RenameDialog } from '../../ui/rename-dialog.tsx'
import { ThingRow } from '../../ui/thing-row.tsx'
import { Elapsed, Since } from '../../ui/times.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { joinSentences } from '../../words/dictionaries.ts'
import { namesInLine } from '../alerts/incidents.ts'
import { useOpenPage } from '../frame/pages.ts'
import { type HealthLevel, problemClass } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { ChangeDialog } from './change-dialog.tsx'
import { EjectDialog } from './eject-dialog.tsx'
import { HealPart } from './heal-part.tsx'
import { getKindWord } from './kinds.ts'
import { ConsentDialog, ProposalPart } from './proposal-part.tsx'
import { RemoveDialog } from './remove-dialog.tsx'
import { SamplesDialog, SamplesPart } from './samples-part.tsx'
import { TestDialog } from './test-dialog.tsx'

interface DestinationRowProps {
  destination: DestinationState
  state: AppState
}

/** Shows a destination in a line. Its details open by themselves when it fails or asks for a decision. */
export function DestinationRow({ destination, state }: DestinationRowProps) {
  const words = useWords()
  const { name, elsewhere, ejectedAt, damaged } = destination
  const cover = findCover(destination, state)
  const { level, word, since, problem } = describeState(destination, state, words)
  const isOffered = state.proposals.some((one) => one.destination === destination.id && one.decision === null)
  const isDecided = damaged === undefined && ejectedAt === undefined && !isOffered
  const asks =
    problem !== null || !isDecided || (!elsewhere && cover.elsewhere.length > 0 && cover.uncovered.length > 0)
  const figures = describeFiles(destination, false, words)
  return (
    <ThingRow
      name={name}
      mark={<HealthMark level={level} />}
      level={level}
      clause={
        word === null ? (
          problem
        ) : (
          <>
            {words.t(word)}
            {since !== null && (
              <> · {ejectedAt === undefined ? <Elapsed at={since} /> : <Since at={since} />}</>
            )}
            {problem === null ? figuresOfSending(destination, words) : ` · ${problem}`}
          </>
        )
      }
      {...(problem === null ? {} : { clauseTitle: problem })}
      figure={figures[0] ?? ''}
      figureTitle={figures.join(' · ')}
      menu={<DestinationMenu destination={destination} state={state} />}
      opens={asks}
    >
      <DestinationDetails destination={destination} state={state} />
    </ThingRow>
  )
}

interface Described {
  level: HealthLevel
  /** Names the state or the failure of the connection; null: something else fails. */
  word: WordKey | null
  /** Milliseconds since 1970; null if unknown. */
  since: number | null
  /** The sentence of the gravest failure; null: there is none. */
  problem: string | null
}

/** Returns the state of a destination, its beginning, and the failure. */
function describeState(destination: DestinationState, state: AppState, { say }: Words): Described {
  const known = state.failures[destination.id]
  if (known === undefined) {
    const usual = stateWhenWell(destination)
    return {
      level: usual === 'connecting' || usual === 'ejected' ? 'unknown' : 'ok',
      word: `window.connection.${usual}`,
      since: destination.ejectedAt ?? destination.connection.since,
      problem: null,
    }
  }
  // Damaged files, and what its disk reports, are no failure of the connection.
  const failure = destinationFailure(state, destination)
  return {
    level: known.level,
    word: failure === null ? null : `kind.${failure.kind}`,
    since: failure?.since ?? null,
    problem: joinSentences(
      failure !== null
        ? [failure.sentence]
        : [known.sentence, ...(known.detail === null ? [] : [known.detail])],
      say,
    ),
  }
}

/** Shows the failure of a destination, its kind and address, its files, and what waits for a decision. */
export function DestinationDetails({ destination, state }: DestinationRowProps) {
  const words = useWords()
  const { t, format } = words
  const { id, address, lockDays, connection } = destination
  const { level, word, problem } = describeState(destination, state, words)
  const settings = state.settings.destinations.find((one) => one.id === id)
  const encryption = settings !== undefined && settings.kind !== 'receiver' ? settings : null
  const isEncrypted = encryption !== null && encryption.recipient !== null
  const { space } = connection
  const figures = [
    ...describeFiles(destination, isOnlyCopy(destination, state), words),
    ...(space === undefined
      ? []
      : [
          t('window.destinations.free', { free: format.bytes(space.free), total: format.bytes(space.total) }),
        ]),
  ]
  return (
    <>
      {/* The part below shows what is damaged. */}
      {problem !== null && !(word === null && destination.damaged !== undefined) && (
        <p className={problemClass(level)}>{problem}</p>
      )}
      <p className="dimmed selectable breakable">
        {t(getKindWord(destination))} ·{' '}
        {isEncrypted &&
          `${t(encryption.hideNames ? 'window.destinations.hidden' : 'window.destinations.encrypted')} · `}
        <Breakable text={address} />
      </p>
      {lockDays !== undefined && (
        <p className="dimmed">{t('window.destinations.locked', { count: lockDays })}</p>
      )}
      {figures.length > 0 && <p className="dimmed figures-line">{figures.join(' · ')}</p>}
      <ProposalPart destination={destination} proposals={state.proposals} />
      <SamplesPart destination={destination} />
      <HealPart destination={destination} />
      {destination.ejectedAt !== undefined && <EjectedNote destination={destination} />}
      {!destination.elsewhere && <HereNote destination={destination} state={state} />}
    </>
  )
}

/** Explains how an ejected disk is used again. */
function EjectedNote({ destination: { id } }: Pick<DestinationRowProps, 'destination'>) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <div className="spread">
      <p className="dimmed">{t('window.destination.ejectedNote')}</p>
      <Button
        size="xs"
        variant="default"
        onClick={() => run('useDestination', { id }, 'window.destination.usedAgain')}
      >
        {t('window.destination.useAgain')}
      </Button>
    </div>
  )
}

/** The sources of a destination on this computer, by whether a destination elsewhere gets their files, too. */
interface Cover {
  elsewhere: DestinationState[]
  /** Names of the sources whose files are only on this computer. */
  uncovered: string[]
  hasSources: boolean
  /** Everything has arrived elsewhere. */
  isDone: boolean
}

export function findCover({ id }: DestinationState, { destinations, sources }: AppState): Cover {
  const mine = sources.filter((source) => source.destinations.some((one) => one.id === id))
  const isElsewhere = (other: string) => destinations.some((one) => one.id === other && one.elsewhere)
  const further = mine.map((source) => source.destinations.filter((one) => isElsewhere(one.id)))
  return {
    elsewhere: destinations.filter((one) => one.elsewhere),
    uncovered: mine.flatMap(({ settings }, index) => (further[index]?.length === 0 ? [settings.name] : [])),
    hasSources: mine.length > 0,
    isDone: further.every((all) =>
      all.some(
        ({ totals, reported }) => reported !== false && totals.waitingFiles + totals.parkedFiles === 0,
      ),
    ),
  }
}

/** Warns that copies on this computer are not safe, or names the destinations that have the files, too. */
function HereNote({ destination, state }: DestinationRowProps) {
  const words = useWords()
  const { t } = words
  const { elsewhere, uncovered, hasSources, isDone } = findCover(destination, state)
  const names = namesInLine(
    elsewhere.map(({ name }) => name),
    words,
  )
  // The page warns once that there is no destination elsewhere.
  if (!hasSources || elsewhere.length === 0) return null
  if (uncovered.length > 0) {
    return (
      <p className="card-problem warn breakable">
        {t('window.destinations.onlyHere', { sources: namesInLine(uncovered, words), names })}
      </p>
    )
  }
  return (
    <p className="dimmed breakable">
      {t(isDone ? 'window.destinations.sameFilesAt' : 'window.destinations.sameFilesTo', { names })}
    </p>
  )
}

/** No destination elsewhere has all of its files. */
function isOnlyCopy(destination: DestinationState, state: AppState): boolean {
  const { elsewhere, uncovered } = findCover(destination, state)
  return elsewhere.length === 0 || uncovered.length > 0
}

/** Returns the counts of its files, with their sizes, the most important first. */
function describeFiles(
  { totals, elsewhere }: DestinationState,
  isOnlyCopy: boolean,
  { t, format }: Words,
): string[] {
  const { sentFiles, sentBytes, deletedFiles, waitingFiles, waitingBytes, parkedFiles } = totals
  const copied = isOnlyCopy ? 'window.count.copied' : 'window.count.copiedHere'
  return [
    ...(parkedFiles > 0 ? [t('window.count.parked', { count: parkedFiles })] : []),
    ...(waitingFiles > 0
      ? [t('window.count.waiting', { count: waitingFiles }), format.bytes(waitingBytes)]
      : []),
    ...(sentFiles > 0
      ? [t(elsewhere ? 'window.count.safe' : copied, { count: sentFiles }), format.bytes(sentBytes)]
      : []),
    ...(deletedFiles > 0 ? [t('window.count.deleted', { count: deletedFiles })] : []),
  ]
}

/** Returns " · rate · time left" while files are sent. */
function figuresOfSending({ rate, left, ejectedAt }: DestinationState, { t, format }: Words): string {
  return [
    ...(rate > 0 && ejectedAt === undefined ? [format.rate(rate)] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
  ]
    .map((part) => ` · ${part}`)
    .join('')
}

type Opened = 'proposals' | 'samples' | 'rename' | 'change' | 'test' | 'eject' | 'remove' | null

function DestinationMenu({ destination, state }: DestinationRowProps) {
  const { t } = useWords()
  const { ask, run } = useCommands()
  const openPage = useOpenPage()
  const [opened, setOpened] = useState<Opened>(null)
  const close = () => setOpened(null)
  const { id, name, kind, ejectedAt } = destination
  const settings = state.settings.destinations.find((one) => one.id === id)
  // The path of a folder cannot be changed.
  const known =
    settings === undefined || settings.kind === 'folder' ? null : { settings, stored: destination.secrets }
  return (
    <>
      <ActionsMenu name={name}>
        <Menu.Item
          leftSection={<IconRestore size={16} />}
          onClick={() => openPage('destinations', { kind: 'restore', destination: id })}
        >
          {t('window.restore.menu')}
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setOpened('rename')}>
          {t('window.destination.rename')}
        </Menu.Item>
        {known !== null && (
          <Menu.Item leftSection={<IconSettings size={16} />} onClick={() => setOpened('change')}>
            {t('window.destinations.change')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconHeartbeat size={16} />} onClick={() => setOpened('test')}>
          {t('window.destinations.testMenu')}
        </Menu.Item>
        {settings !== undefined && (
          <Menu.Item leftSection={<IconShieldCheck size={16} />} onClick={() => setOpened('samples')}>
            {t('window.samples.menu')}
          </Menu.Item>
        )}
        {kind === 'receiver' && (
          <Menu.Item leftSection={<IconAdjustments size={16} />} onClick={() => setOpened('proposals')}>
            {t('window.proposal.menu')}
          </Menu.Item>
        )}
        {kind === 'folder' && ejectedAt === undefined && (
          <Menu.Item leftSection={<IconPlayerEject size={16} />} onClick={() => setOpened('eject')}>
            {t('window.destination.eject')}
          </Menu.Item>
        )}
        {ejectedAt !== undefined && (
          <Menu.Item
            leftSection={<IconPlayerPlay size={16} />}
            onClick={() => run('useDestination', { id }, 'window.destination.usedAgain')}
          >
            {t('window.destination.useAgain')}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setOpened('remove')}>
          {t('window.destination.remove')}
        </Menu.Item>
      </ActionsMenu>
      <RenameDialog
        before={name}
        rename={(wanted) => ask('renameDestination', { id, name: wanted })}
        done="window.destination.renamed"
        opened={opened === 'rename'}
        onClose={close}
      />
      <RemoveDialog
        destination={destination}
        sources={state.sources}
        isLast={state.destinations.length === 1}
        opened={opened === 'remove'}
        onClose={close}
      />
      {settings?.kind === 'receiver' && (
        <ConsentDialog
          destination={destination}
          accepts={settings.acceptProposals === true}
          opened={opened === 'proposals'}
          onClose={close}
        />
      )}
      <EjectDialog destination={destination} opened={opened === 'eject'} onClose={close} />
      {settings !== undefined && (
        <>
          <TestDialog destination={settings} opened={opened === 'test'} onClose={close} />
          <SamplesDialog
            destination={destination}
            settings={settings}
            opened={opened === 'samples'}
            onClose={close}
          />
        </>
      )}
      {known !== null && (
        <ChangeDialog known={known} state={state} opened={opened === 'change'} onClose={close} />
      )}
    </>
  )
}
