import { Button, Group, Loader, NativeSelect, Stack } from '@mantine/core'
import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { baseName } from '../../format/path.ts'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly, useIsPage } from '../../state/desktop-only.tsx'
import { useCopy } from '../../ui/copy.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { IconCopy, IconExternalLink, IconFolder, IconHistory, IconRestore } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { destinationName, type HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { isEncryptedAt, type Version } from '../restore/browse.ts'
import { type Chosen, RestoreDialog } from '../restore/restore-dialog.tsx'
import { VersionList } from '../restore/version-list.tsx'
import type { Wanted } from './open-file.ts'
import { useStepAction } from './step-action.ts'

type Explanation = CommandOutput<'explainFile'>
type Place = Explanation['places'][number]

/** A file that is sent or changed meanwhile is shown as it is now. The files of a directory are counted only once. */
const refreshMs = ({ verdict }: Explanation) => (verdict === 'folder' ? null : 2_000)

const LEVELS: Record<Explanation['verdict'], HealthLevel> = {
  ...{ safe: 'ok', copied: 'attention', waiting: 'unknown', parked: 'failing', 'left-out': 'unknown' },
  ...{ gone: 'unknown', nowhere: 'unknown', folder: 'unknown', outside: 'unknown', unknown: 'attention' },
}

interface FileDialogProps {
  state: AppState
  /** Absolute. */
  path: string
  wanted: Wanted
  opened: boolean
  onClose: () => void
  onOpen: (path: string) => void
}

/** Shows where a file is and why it is not elsewhere, as `holdfast why` prints it, with its versions and what can be done. */
export default function FileDialog({ state, path, wanted, opened, onClose, onOpen }: FileDialogProps) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const isInBrowser = useIsPage()
  const { value: explanation, failure } = useAnswer({
    question: opened ? path : null,
    everyMs: refreshMs,
    ask: () => bridge.call('explainFile', { path }),
  })
  const [at, setAt] = useState<string | null>(null)
  const [chosen, setChosen] = useState<Pick<Chosen, 'version'> | null>(
    wanted === 'restore' ? { version: null } : null,
  )
  const [showsVersions, setShowsVersions] = useState(wanted === 'versions')
  const having = (explanation?.places ?? []).filter(({ since }) => since !== null)
  const place = having.find(({ destination }) => destination === at) ?? having[0]
  const stored = useStored(opened ? (explanation?.folder?.id ?? null) : null, place?.destination ?? null)
  const destination = state.destinations.find(({ id }) => id === place?.destination)
  const isAsked = wanted === 'restore'
  // A file that cannot be restored is explained instead.
  const cannotRestore =
    explanation !== null && (place === undefined || (stored.folders !== null && stored.name === null))
  const isPage = !isAsked || failure !== null || stored.failure !== null || cannotRestore
  const restore = (from?: string) => {
    if (from !== undefined) setAt(from)
    setChosen({ version: null })
  }
  const close = () => {
    setChosen(null)
    onClose()
  }
  const spot = { folder: stored.name, path: explanation?.folder?.file ?? '' }
  return (
    <>
      <Dialog
        opened={opened && isPage}
        onClose={close}
        title={<span className="breakable">{baseName(path)}</span>}
        closeButtonProps={{ 'aria-label': t('window.close') }}
      >
        <Stack gap="sm" className="file-page" aria-busy={explanation === null}>
          <p className="dimmed breakable selectable">{path}</p>
          {failure !== null && <p className="card-problem breakable">{say(failure)}</p>}
          {explanation === null && failure === null && <Loader size="xs" />}
          {explanation !== null && (
            <>
              <Explained explanation={explanation} state={state} />
              <Steps
                explanation={explanation}
                state={state}
                onClose={close}
                onOpen={onOpen}
                onRestore={restore}
              />
              <Actions
                explanation={explanation}
                canRestore={stored.name !== null}
                showsVersions={showsVersions}
                onVersions={() => setShowsVersions(!showsVersions)}
                onRestore={() => restore()}
              />
            </>
          )}
          {showsVersions && place !== undefined && destination !== undefined && (
            <section className="rows" aria-label={t('window.file.versions')}>
              {having.length > 1 && (
                <NativeSelect
                  size="xs"
                  label={t('window.restore.from')}
                  value={place.destination}
                  onChange={(event) => setAt(event.currentTarget.value)}
                  data={having.map((one) => ({ value: one.destination, label: nameOf(one, state, t) }))}
                />
              )}
              {stored.failure !== null && <p className="card-problem breakable">{say(stored.failure)}</p>}
              {stored.name !== null && (
                <VersionList
                  key={JSON.stringify([place.destination, stored.name, place.since])}
                  question={{
                    destination: place.destination,
                    computer: null,
                    folder: stored.name,
                    path: spot.path,
                  }}
                  isRestoring={state.restore?.phase === 'running'}
                  mayView={!isInBrowser && !isEncryptedAt(destination, null, state.settings)}
                  onChoose={(version) => setChosen({ version })}
                />
              )}
            </section>
          )}
        </Stack>
      </Dialog>
      {destination !== undefined && (
        <RestoreDialog
          destination={destination}
          computer={null}
          chosen={
            opened && chosen !== null && stored.name !== null
              ? {
                  ...chosen,
                  spot,
                  at: null,
                  missingOnly: false,
                  text: '',
                  isThere: isThere(explanation, place, chosen.version),
                }
              : null
          }
          folders={stored.folders}
          state={state}
          onClose={isAsked ? close : () => setChosen(null)}
        />
      )}
    </>
  )
}

/** True if other content is at the place of the restored file. */
function isThere(
  explanation: Explanation | null,
  place: Place | undefined,
  version: Version | null,
): boolean {
  if (explanation === null || explanation.verdict === 'gone' || explanation.verdict === 'nowhere')
    return false
  return version !== null || place?.state !== 'durable'
}

/** Returns the name of a folder at a destination, and all folders there; null while they are not known. */
function useStored(source: string | null, destination: string | null) {
  const bridge = useBridge()
  const { value, failure } = useAnswer({
    question: source === null || destination === null ? null : JSON.stringify([source, destination]),
    ask: () => bridge.call('restoreFolders', { destination: destination ?? '', computer: null }),
  })
  const folders = value?.folders ?? null
  return { folders, name: folders?.find((one) => one.source === source)?.name ?? null, failure }
}

const nameOf = (
  { destination, name }: Place,
  { destinations }: AppState,
  t: ReturnType<typeof useWords>['t'],
): string => {
  const known = destinations.find(({ id }) => id === destination)
  return known === undefined ? name : destinationName(known, t)
}

function Explained({
  explanation: { verdict, sentence, details, places, below },
  state,
}: {
  explanation: Explanation
  state: AppState
}) {
  const { t, say } = useWords()
  return (
    <>
      <div className="row" role="status">
        <HealthMark level={LEVELS[verdict]} />
        <div className="row-words">
          <strong className="breakable">{say(sentence)}</strong>
          {details.map((one) => (
            <span key={say(one)} className="breakable">
              {say(one)}
            </span>
          ))}
        </div>
      </div>
      {places.length > 0 && (
        <dl className="facts">
          {places.map((place) => (
            <div key={place.destination}>
              <dt className="breakable">{nameOf(place, state, t)}</dt>
              <dd className="breakable">
                {say(place.sentence)}
                {place.detail !== null && <p className="dimmed">{say(place.detail)}</p>}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {below !== null && below.others.length > 0 && (
        <ul className="plain dimmed">
          {below.others.map(({ why, files }) => (
            <li key={say(why)} className="breakable">
              {t('why.files', { count: files })}: {say(why)}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

interface StepsProps {
  explanation: Explanation
  state: AppState
  onClose: () => void
  onOpen: (path: string) => void
  onRestore: (from: string) => void
}

/** Shows what would change it: buttons where the window has the action, and commands to be copied. */
function Steps({ explanation, ...props }: StepsProps) {
  const { say } = useWords()
  const getAction = useStepAction({ explanation, ...props })
  // The versions are below.
  const steps = explanation.steps.filter(({ sentence }) => sentence.key !== 'why.step.versions')
  return steps.map(({ sentence, command, about }) => {
    const action = getAction({ sentence, command, about })
    return (
      <div key={command} className="file-step">
        <p className="dimmed">{say(sentence)}</p>
        {action === null ? (
          <Copyable text={command} label="window.pair.copy" done="window.pair.copied" />
        ) : (
          <Button size="xs" variant="default" onClick={action.act}>
            {action.label}
          </Button>
        )}
      </div>
    )
  })
}

interface ActionsProps {
  explanation: Explanation
  canRestore: boolean
  showsVersions: boolean
  onVersions: () => void
  onRestore: () => void
}

/** The other items of the file's menu. */
function Actions({ explanation: { path, folder, verdict }, canRestore, showsVersions, ...on }: ActionsProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const copy = useCopy()
  const isHere = verdict !== 'gone' && verdict !== 'nowhere'
  const open = (inFolder: boolean) =>
    folder !== null && run('openFile', { source: folder.id, path: folder.file, inFolder })
  return (
    <Group gap="xs">
      {folder !== null && isHere && (
        <DesktopOnly>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconExternalLink size={15} />}
            onClick={() => open(false)}
          >
            {t('window.file.open')}
          </Button>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconFolder size={15} />}
            onClick={() => open(true)}
          >
            {t('window.file.inFolder')}
          </Button>
        </DesktopOnly>
      )}
      {canRestore && (
        <>
          <Button
            size="xs"
            variant={showsVersions ? 'light' : 'default'}
            leftSection={<IconHistory size={15} />}
            aria-expanded={showsVersions}
            onClick={on.onVersions}
          >
            {t('window.file.versions')}
          </Button>
          <Button size="xs" variant="default" leftSection={<IconRestore size={15} />} onClick={on.onRestore}>
            {t('window.restore.menu')}
          </Button>
        </>
      )}
      <Button size="xs" variant="default" leftSection={<IconCopy size={15} />} onClick={() => copy(path)}>
        {t('window.file.copy')}
      </Button>
    </Group>
  )
}
