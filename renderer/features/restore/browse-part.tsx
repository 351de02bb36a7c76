import { Button, Checkbox, TextInput, UnstyledButton } from '@mantine/core'
import { Fragment, useEffect, useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { useOfNow } from '../../state/now.ts'
import { IconSearch } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import {
  buildCrumbs,
  type Computer,
  type Folder,
  isEncryptedAt,
  readMoment,
  type Spot,
  TOP,
} from './browse.ts'
import { ChangeBars, useChanges } from './change-bars.tsx'
import { ListingPart, type Looked } from './listing-part.tsx'
import { type Chosen, RestoreDialog } from './restore-dialog.tsx'

interface BrowsePartProps {
  destination: DestinationState
  /** The other computer whose files are shown; null for this one. */
  computer: Computer | null
  /** The source whose folder is shown first. */
  source: string | null
  /** Only files that are missing on this computer are shown first. */
  missingOnly: boolean
  /** Opens the dialog that puts them back, once. */
  putsBack: boolean
  state: AppState
  /** Called when that dialog has been opened. */
  onAsked: () => void
}

/** The part of a choice that is the same for each directory: files in their newest version. */
const ALL = { version: null, isThere: false, text: '' }

/**
 * Returns a text that changes when files of the source around a place here are sent; null: no source is around it, or
 * files of the source wait.
 */
function findSent({ sources }: AppState, place: string | null): string | null {
  const toSlashes = (path: string) => path.replaceAll('\\', '/')
  const found = sources.find(
    ({ settings }) => place !== null && toSlashes(place).startsWith(`${toSlashes(settings.path)}/`),
  )
  return found === undefined || found.totals.waitingFiles > 0 ? null : `${found.totals.sentBytes}`
}

/** Browses the files at a destination by directory, as they are or were, or searches them by name. */
export function BrowsePart(props: BrowsePartProps) {
  const { destination, computer, source, missingOnly, putsBack, state, onAsked } = props
  const { t, format } = useWords()
  const [spot, setSpot] = useState<Spot | null>(null)
  const [search, setSearch] = useState('')
  const [when, setWhen] = useState('')
  const [isTyping, setTyping] = useState(false)
  const [isMissingOnly, setMissingOnly] = useState(missingOnly)
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [looked, setLooked] = useState<Looked>({ isEmpty: false, files: null })
  const [shown, setShown] = useState(0)
  const folders = useFolders(destination.id, computer)
  const isRunning = state.restore?.phase === 'running'
  // A restore changes which files are missing here, so the list is requested again.
  const ended = isRunning ? 0 : (state.restore?.startedAt ?? 0)
  // An older version that replaced a file here is the newest one there once it is sent: then the list is requested once
  // more. Not for other files, as it would be shown from its beginning again.
  const isReplacing = state.restore?.besidePaths.length === 0
  const sentNow = isReplacing ? findSent(state, state.restore?.to ?? null) : null
  const [awaited, setAwaited] = useState({ ended, sentBefore: sentNow, isOver: true })
  const [sent, setSent] = useState(0)
  if (awaited.ended !== ended) setAwaited({ ended, sentBefore: sentNow, isOver: ended === 0 })
  else if (!awaited.isOver && sentNow !== awaited.sentBefore) {
    setAwaited({ ended, sentBefore: sentNow, isOver: sentNow !== null })
    if (sentNow !== null) setSent(sent + 1)
  }
  const moment = readMoment(when)
  const at = moment === 'invalid' ? null : moment
  const place = spot ?? findFirstSpot(folders, source)
  const whose = { destination: destination.id, computer: computer?.folder ?? null }
  const days = useChanges(whose, place, folders !== null)
  const isPage = useIsPage()
  const mayView = !isPage && !isEncryptedAt(destination, computer, state.settings)
  const go = (wanted: Spot) => {
    setSpot(wanted)
    setSearch('')
    setShown((before) => before + 1)
  }
  useEffect(() => {
    const spot = findFirstSpot(folders, source)
    if (!putsBack || spot === TOP) return
    setChosen({ ...ALL, spot, at: null, missingOnly: true })
    onAsked()
  }, [folders, source, putsBack, onAsked])
  const choose = (wanted: Pick<Chosen, 'spot' | 'version' | 'isThere'>) =>
    setChosen({ ...wanted, text: '', at: wanted.version === null ? at : null, missingOnly: false })
  const ask = (
    <RestoreDialog
      destination={destination}
      computer={computer}
      chosen={chosen}
      folders={folders}
      state={state}
      onClose={() => setChosen(null)}
    />
  )
  // A search looks at the whole folder, whatever directory is shown.
  const wanted = search === '' || isMissingOnly ? place : { ...place, path: '' }
  const restore = (
    <Button
      size="xs"
      disabled={isRunning || moment === 'invalid' || looked.isEmpty}
      onClick={() => setChosen({ ...ALL, spot: wanted, text: search, at, missingOnly: isMissingOnly })}
    >
      <What
        scope={search !== '' ? 'found' : place.folder === null ? 'all' : 'thisFolder'}
        text={search}
        files={looked.files}
        at={at}
      />
    </Button>
  )
  const time = (
    <>
      <TextInput
        // A native field would have the browser's order of day and month, in whatever language the window is.
        placeholder="2026-11-20 16:15"
        spellCheck={false}
        label={t('window.restore.at')}
        description={typeof moment === 'number' ? format.fullMoment(moment) : t('window.restore.atHint')}
        value={when}
        onChange={(event) => setWhen(event.currentTarget.value)}
        onFocus={() => setTyping(true)}
        onBlur={() => setTyping(false)}
        error={moment === 'invalid' && !isTyping ? t('window.restore.atInvalid') : null}
      />
      {days !== null && days.length > 0 && <ChangeBars days={days} at={at} onChoose={setWhen} />}
    </>
  )
  // Encrypted names cannot be browsed: no single files can be selected.
  if (computer?.hidesNames === true)
    return (
      <>
        <p className="dimmed">{t('window.restore.hiddenNames')}</p>
        {time}
        <div>{restore}</div>
        {ask}
      </>
    )
  return (
    <>
      {time}
      {computer === null && (
        <Checkbox
          label={t('window.restore.missingOnly')}
          checked={isMissingOnly}
          onChange={(event) => setMissingOnly(event.currentTarget.checked)}
        />
      )}
      <SearchField key={shown} onSearch={setSearch} />
      <div className="spread">
        <Crumbs spot={place} onGo={go} />
        {restore}
      </div>
      <ListingPart
        key={JSON.stringify([place, search, at, isMissingOnly, ended, sent])}
        wish={{
          ...whose,
          ...{ spot: place, search, at, missingOnly: isMissingOnly },
        }}
        isRestoring={isRunning}
        mayView={mayView}
        getSource={(folder) => folders?.find(({ name }) => name === folder)?.source ?? null}
        onLooked={setLooked}
        onGo={go}
        onChoose={choose}
      />
      {ask}
    </>
  )
}

/** Names what the button restores: how many files, where known, and as of when. `found`: what a search has found. */
function What({
  scope,
  text,
  files,
  at,
}: {
  scope: 'all' | 'thisFolder' | 'found'
  /** The text that was searched for. */
  text: string
  files: number | null
  at: number | null
}) {
  const { t, format } = useWords()
  const time = useOfNow((now) => (at === null ? '' : format.moment(at, now)))
  const named = files === null ? scope : 'these'
  const params = files === null ? { text } : { count: files }
  return time === ''
    ? t(`window.restore.${named}`, params)
    : t(`window.restore.${named}Then`, { ...params, time })
}

/** Returns the folder of the source that is shown first. */
function findFirstSpot(folders: readonly Folder[] | null, source: string | null): Spot {
  const folder = source === null ? undefined : folders?.find((one) => one.source === source)
  return folder === undefined ? TOP : { folder: folder.name, path: '' }
}

/** Returns the computer's folders at a destination; null while they are unknown. */
function useFolders(destination: string, computer: Computer | null): readonly Folder[] | null {
  const bridge = useBridge()
  const [folders, setFolders] = useState<readonly Folder[] | null>(null)
  const of = computer?.folder ?? null
  useEffect(() => {
    let isOver = false
    // An error is dropped here: the listing reports it.
    bridge.call('restoreFolders', { destination, computer: of }).then(
      (answer) => !isOver && setFolders(answer.folders),
      () => undefined,
    )
    return () => {
      isOver = true
    }
  }, [bridge, destination, of])
  return folders
}

function SearchField({ onSearch }: { onSearch: (text: string) => void }) {
  const { t } = useWords()
  const [typed, setTyped] = useState('')
  return (
    <form
      className="with-button"
      onSubmit={(event) => {
        event.preventDefault()
        onSearch(typed.trim())
      }}
    >
      <TextInput
        aria-label={t('window.restore.search')}
        placeholder={t('window.restore.search')}
        leftSection={<IconSearch size={16} />}
        value={typed}
        maxLength={1000}
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.currentTarget.value)
          if (event.currentTarget.value === '') onSearch('')
        }}
      />
      <Button type="submit" variant="default" disabled={typed.trim() === ''}>
        {t('window.restore.find')}
      </Button>
    </form>
  )
}

function Crumbs({ spot, onGo }: { spot: Spot; onGo: (spot: Spot) => void }) {
  const { t } = useWords()
  const crumbs = [{ ...TOP, name: t('window.restore.folders') }, ...buildCrumbs(spot)]
  return (
    <nav className="crumbs" aria-label={t('window.restore.where')}>
      {crumbs.map(({ name, ...to }, index) => (
        <Fragment key={JSON.stringify(to)}>
          {index > 0 && <span className="dimmed">/</span>}
          {index === crumbs.length - 1 ? (
            <span className="breakable" aria-current="location">
              {name}
            </span>
          ) : (
            <UnstyledButton className="crumb breakable" onClick={() => onGo(to)}>
              {name}
            </UnstyledButton>
          )}
        </Fragment>
      ))}
    </nav>
  )
}
