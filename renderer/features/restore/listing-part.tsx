import { ActionIcon, Button, Loader, UnstyledButton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { IconChevronRight, IconDownload, IconFile, IconFolder, IconHistory } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { FileMenu } from '../file/file-menu.tsx'
import { FileLink } from '../file/file-name.tsx'
import { getEntrySpot, type LocalState, type Spot } from './browse.ts'
import type { Chosen } from './restore-dialog.tsx'
import { type Listing, useListing, type Whose, type Wish } from './use-listing.ts'
import { VersionList } from './version-list.tsx'

interface ListingPartProps {
  wish: Wish
  isRestoring: boolean
  /** The contents can be opened without a key. */
  mayView: boolean
  /** Called after each listing. */
  onLooked: (looked: Looked) => void
  /** Returns the id of the source whose folder this is; null: of none on this computer. */
  getSource: (folder: string) => string | null
  onGo: (spot: Spot) => void
  onChoose: (chosen: Pick<Chosen, 'spot' | 'version' | 'isThere'>) => void
}

export interface Looked {
  /** There is nothing to restore. */
  isEmpty: boolean
  /** Number of files that a restore would have; null: unknown. */
  files: number | null
}

/** Lists a directory of a destination, or search results. */
export function ListingPart(props: ListingPartProps) {
  const { wish, onLooked } = props
  const { t, say } = useWords()
  const { listing, failure, isBusy, more, again } = useListing(wish)
  const isEmpty = failure !== null || (listing !== null && isBare(listing))
  const files = listing?.files ?? null
  useEffect(() => onLooked({ isEmpty, files }), [isEmpty, files, onLooked])
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // The activated row was removed together with the focus: the focus moves to the new list.
    if (listing !== null && document.activeElement === document.body)
      place.current?.querySelector('button')?.focus()
  }, [listing])
  return (
    <div ref={place} className="listing" aria-busy={isBusy}>
      {listing !== null && <Rows {...props} listing={listing} />}
      {isBusy && (
        <p className="looking dimmed">
          <Loader size="xs" /> {t('window.restore.looking')}
        </p>
      )}
      {failure !== null && (
        <>
          <p className="card-problem breakable" role="alert">
            {say(failure)}
          </p>
          <div>
            <Button size="xs" variant="default" onClick={again}>
              {t('window.restore.again')}
            </Button>
          </div>
        </>
      )}
      {listing?.isPart === true && <p className="dimmed">{t('window.restore.isPart')}</p>}
      {listing !== null && listing.next !== null && !isBusy && (
        <div>
          <Button size="xs" variant="default" onClick={more}>
            {t('window.restore.more')}
          </Button>
        </div>
      )}
    </div>
  )
}

const isBare = ({ folders, entries, found }: Listing): boolean =>
  folders.length + entries.length + found.length === 0

function Rows({
  wish,
  listing,
  isRestoring,
  mayView,
  getSource,
  onGo,
  onChoose,
}: ListingPartProps & { listing: Listing }) {
  const { t } = useWords()
  const { spot, search, destination, computer } = wish
  const { folders, entries, found } = listing
  if (isBare(listing)) {
    return (
      <p className="dimmed">
        {t(
          wish.missingOnly
            ? 'window.restore.nothingMissing'
            : search !== ''
              ? 'window.restore.nothingFound'
              : spot.folder === null && wish.computer === null
                ? 'window.restore.noFolder'
                : 'window.restore.emptyFolder',
        )}
      </p>
    )
  }
  const choose = { destination, computer, isRestoring, mayView, getSource, onChoose }
  return (
    <RovingList className="listing-list" entry=".listing-rows > li">
      <ul className="listing-rows">
        {folders.map(({ name }) => (
          <DirectoryRow
            key={name}
            name={name}
            local="unknown"
            onOpen={() => onGo(getEntrySpot(spot, name))}
          />
        ))}
        {entries.map((entry) =>
          entry.kind === 'directory' ? (
            <DirectoryRow
              key={entry.name}
              name={entry.name}
              local={entry.local}
              onOpen={() => onGo(getEntrySpot(spot, entry.name))}
            />
          ) : (
            <FileRow
              key={entry.name}
              {...choose}
              {...entry}
              spot={getEntrySpot(spot, entry.name)}
              versions={entry.versions ?? null}
            />
          ),
        )}
        {found.map(({ folder, path, ...facts }) => (
          <FileRow
            key={JSON.stringify([folder, path])}
            {...choose}
            {...facts}
            name={spot.folder === null ? `${folder}/${path}` : path}
            spot={{ folder, path }}
            versions={null}
          />
        ))}
      </ul>
    </RovingList>
  )
}

function DirectoryRow({ name, local, onOpen }: { name: string; local: LocalState; onOpen: () => void }) {
  return (
    <li>
      <UnstyledButton className="listing-row listing-open" onClick={onOpen}>
        <IconFolder size={17} stroke={1.7} aria-hidden="true" />
        <span className="breakable listing-name">{name}</span>
        <LocalMark local={local} />
        <IconChevronRight size={15} aria-hidden="true" />
      </UnstyledButton>
    </li>
  )
}

/** Marks what is missing or different on this computer. */
function LocalMark({ local }: { local: LocalState }) {
  const { t } = useWords()
  if (local === 'same' || local === 'unknown') return null
  return (
    <span className="local-mark" data-local={local}>
      {t(local === 'missing' ? 'window.restore.missingHere' : 'window.restore.changedHere')}
    </span>
  )
}

interface FileRowProps extends Whose {
  name: string
  spot: Spot
  size: number
  mtimeMs: number
  /** Number of older versions; null if unknown until it is queried. */
  versions: number | null
  local: LocalState
  isRestoring: boolean
  mayView: boolean
  getSource: ListingPartProps['getSource']
  onChoose: (chosen: Pick<Chosen, 'spot' | 'version' | 'isThere'>) => void
}

function FileRow({
  destination,
  computer,
  name,
  spot,
  size,
  mtimeMs,
  versions,
  local,
  isRestoring,
  mayView,
  getSource,
  onChoose,
}: FileRowProps) {
  const { t, format } = useWords()
  const [opened, setOpened] = useState(false)
  const file = {
    source: computer === null && spot.folder !== null ? getSource(spot.folder) : null,
    path: spot.path,
  }
  const restore = () => onChoose({ spot, version: null, isThere: local === 'changed' })
  return (
    <li>
      <div className="listing-row">
        <IconFile size={17} stroke={1.7} aria-hidden="true" />
        <span className="listing-words">
          <FileLink file={file} name={name} />
          <span className="dimmed figures">
            {format.bytes(size)} · <At at={mtimeMs} />
          </span>
        </span>
        <LocalMark local={local} />
        {versions !== 0 && (
          <ActionIcon
            variant={opened ? 'light' : 'subtle'}
            color="gray"
            aria-expanded={opened}
            aria-label={t('window.restore.versionsOf', { name })}
            title={t('window.file.versions')}
            onClick={() => setOpened(!opened)}
          >
            <IconHistory size={16} />
          </ActionIcon>
        )}
        <ActionIcon
          variant="subtle"
          aria-label={t('window.restore.one', { name })}
          title={t('window.restore.start')}
          disabled={isRestoring}
          onClick={restore}
        >
          <IconDownload size={16} />
        </ActionIcon>
        <FileMenu
          file={file}
          {...(isRestoring ? {} : { onRestore: restore })}
          onVersions={() => setOpened(true)}
        />
      </div>
      {opened && spot.folder !== null && (
        <VersionList
          question={{ destination, computer, folder: spot.folder, path: spot.path }}
          isRestoring={isRestoring}
          mayView={mayView}
          onChoose={(version) =>
            onChoose({
              spot,
              version,
              isThere: local === 'changed' || (local === 'same' && version !== null),
            })
          }
        />
      )}
    </li>
  )
}
