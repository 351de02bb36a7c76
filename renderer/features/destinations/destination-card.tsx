import { Button, Menu } from '@mantine/core'
import { useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
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
import { useWords, type Words } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { useOpenPage } from '../frame/pages.ts'
import { ChangeDialog } from './change-dialog.tsx'
import { DestinationHealth } from './destination-health.tsx'
import { EjectDialog } from './eject-dialog.tsx'
import { HealPart } from './heal-part.tsx'
import { getKindWord, kinds } from './kinds.ts'
import { ConsentDialog, ProposalPart } from './proposal-part.tsx'
import { RemoveDialog } from './remove-dialog.tsx'
import { SamplesDialog, SamplesPart } from './samples-part.tsx'
import { TestDialog } from './test-dialog.tsx'

interface DestinationCardProps {
  destination: DestinationState
  state: AppState
}

/** Shows a destination: kind, address, state, waiting files and actions. */
export function DestinationCard({ destination, state }: DestinationCardProps) {
  const words = useWords()
  const { t } = words
  const { id, kind, name, address, lockDays } = destination
  const { icon: Icon } = kinds[kind]
  const settings = state.settings.destinations.find((one) => one.id === id)
  const encryption = settings !== undefined && settings.kind !== 'receiver' ? settings : null
  const isEncrypted = encryption !== null && encryption.recipient !== null
  const { elsewhere, uncovered } = findCover(destination, state)
  const figures = formatFigures(destination, elsewhere.length === 0 || uncovered.length > 0, words)
  return (
    <section className="card destination-card" aria-label={name}>
      <div className="spread">
        <span className="kind-name">
          <Icon size={18} stroke={1.7} aria-hidden="true" />
          <span className="card-name breakable">{name}</span>
        </span>
        <DestinationMenu destination={destination} state={state} />
      </div>
      <p className="dimmed selectable breakable">
        {t(getKindWord(destination))} ·{' '}
        {isEncrypted &&
          `${t(encryption.hideNames ? 'window.destinations.hidden' : 'window.destinations.encrypted')} · `}
        <Breakable text={address} />
      </p>
      {lockDays !== undefined && (
        <p className="dimmed">{t('window.destinations.locked', { count: lockDays })}</p>
      )}
      <DestinationHealth destination={destination} state={state} />
      {figures !== '' && <p className="dimmed figures-line">{figures}</p>}
      <ProposalPart destination={destination} proposals={state.proposals} />
      <SamplesPart destination={destination} />
      <HealPart destination={destination} />
      {destination.ejectedAt !== undefined && <EjectedNote destination={destination} />}
      {!destination.elsewhere && <HereNote destination={destination} state={state} />}
    </section>
  )
}

/** Explains how an ejected disk is used again. */
function EjectedNote({ destination: { id } }: Pick<DestinationCardProps, 'destination'>) {
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
function HereNote({ destination, state }: DestinationCardProps) {
  const words = useWords()
  const { t } = words
  const { elsewhere, uncovered, hasSources, isDone } = findCover(destination, state)
  const names = namesInLine(
    elsewhere.map(({ name }) => name),
    words,
  )
  if (elsewhere.length === 0)
    return <p className="card-problem warn">{t('window.destinations.notElsewhere')}</p>
  if (!hasSources) return null
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

/** Describes the sent and waiting files, the rate and the time left. */
function formatFigures(
  { totals, rate, left, elsewhere, connection, ejectedAt }: DestinationState,
  isOnlyCopy: boolean,
  { t, format }: Words,
): string {
  const { sentFiles, sentBytes, deletedFiles, waitingFiles, waitingBytes, parkedFiles } = totals
  const { space } = connection
  return [
    ...(sentFiles > 0
      ? [
          t(
            elsewhere ? 'window.count.safe' : isOnlyCopy ? 'window.count.copied' : 'window.count.copiedHere',
            {
              count: sentFiles,
            },
          ),
          format.bytes(sentBytes),
        ]
      : []),
    ...(deletedFiles > 0 ? [t('window.count.deleted', { count: deletedFiles })] : []),
    ...(waitingFiles > 0
      ? [t('window.count.waiting', { count: waitingFiles }), format.bytes(waitingBytes)]
      : []),
    ...(parkedFiles > 0 ? [t('window.count.parked', { count: parkedFiles })] : []),
    ...(rate > 0 && ejectedAt === undefined ? [format.rate(rate)] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
    ...(space === undefined
      ? []
      : [
          t('window.destinations.free', { free: format.bytes(space.free), total: format.bytes(space.total) }),
        ]),
  ].join(' · ')
}

type Opened = 'proposals' | 'samples' | 'rename' | 'change' | 'test' | 'eject' | 'remove' | null

function DestinationMenu({ destination, state }: DestinationCardProps) {
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
          onClick={() => openPage('destinations', { id: 'restore', destination: id })}
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
