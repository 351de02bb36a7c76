import { Button, Group, SegmentedControl, Skeleton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useView } from '../../state/bridge.tsx'
import { useFiles } from '../../state/files.ts'
import { useKeptText } from '../../state/kept-text.ts'
import type { FileState, Transfer } from '../../state/types.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords } from '../../words/context.tsx'
import { groupFiles } from './file-groups.ts'
import { FileRow, GroupRow } from './file-rows.tsx'

/** Delay after a keystroke before the ledger is queried, in milliseconds. */
const typingMs = 300

type Filter = FileState | 'all'

const filters: readonly { value: Filter; word: WordKey }[] = [
  { value: 'all', word: 'window.files.all' },
  { value: 'waiting', word: 'window.files.waiting' },
  { value: 'sent', word: 'window.files.sent' },
  { value: 'parked', word: 'window.files.parked' },
]

interface FileListProps {
  /** null for all sources. */
  source: string | null
  /** Changes whenever the ledger does. */
  version: string
  /** Files in transfer, of all sources. */
  transfers: readonly Transfer[]
  /** Names of sources by id, if files of several are shown. */
  sourceNames?: ReadonlyMap<string, string>
  /** Names of destinations by id, if there are several. */
  destinationNames?: ReadonlyMap<string, string>
  initialFilter?: Filter
}

/** Lists the files of the ledger, newest first, page by page. */
export function FileList({
  source,
  version,
  transfers,
  sourceNames,
  destinationNames,
  initialFilter = 'all',
}: FileListProps) {
  const { t } = useWords()
  const [filter, setFilter] = useState<Filter>(initialFilter)
  const [typed, setTyped] = useKeptText(source === null ? 'files' : null)
  const [text] = useDebouncedValue(typed.trim(), typingMs)
  return (
    <>
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label={t('window.files.filter')}
        value={filter}
        onChange={(value) => setFilter(filters.find((known) => known.value === value)?.value ?? 'all')}
        data={filters.map(({ value, word }) => ({ value, label: t(word) }))}
      />
      <SearchField
        label="window.files.search"
        description={text === '' ? null : t('window.files.searched')}
        text={typed}
        onText={setTyped}
      />
      <FilePage
        key={`${source} ${filter} ${text}`}
        text={text}
        source={source}
        filter={filter}
        version={version}
        transfers={transfers}
        sourceNames={sourceNames}
        destinationNames={destinationNames}
      />
    </>
  )
}

const emptyWords: Record<Filter, WordKey> = {
  all: 'window.files.none',
  waiting: 'window.files.noneWaiting',
  sent: 'window.files.noneSent',
  parked: 'window.files.noneParked',
}

interface FilePageProps {
  source: string | null
  filter: Filter
  /** Part of the path; "" for all. */
  text: string
  version: string
  transfers: readonly Transfer[]
  sourceNames: ReadonlyMap<string, string> | undefined
  destinationNames: ReadonlyMap<string, string> | undefined
}

function FilePage(props: FilePageProps) {
  const { source, filter, text, version, transfers, sourceNames, destinationNames } = props
  const { t, say } = useWords()
  const destinations = useView().snapshot?.state.destinations ?? []
  const { page, failure, newer, older } = useFiles(
    { source, state: filter === 'all' ? null : filter, text },
    version,
  )
  return (
    <>
      {failure !== null && (
        <p className="card-problem breakable">{t('window.files.failure', { reason: say(failure) })}</p>
      )}
      {page === null && failure === null && <Skeleton height={80} animate={false} />}
      {page?.files.length === 0 && (
        <p className="dimmed">{t(text === '' ? emptyWords[filter] : 'window.files.nothingFits')}</p>
      )}
      <RovingList className="file-rows" entry="li">
        <ul className="files">
          {groupFiles(page?.files ?? []).map((one) => {
            const [file] = 'files' in one ? one.files : [one]
            if (file === undefined) return null
            const names = {
              sourceName: sourceNames?.get(file.source),
              destinationName: destinationNames?.get(file.destination),
              isHere: destinations.some(({ id, elsewhere }) => id === file.destination && !elsewhere),
            }
            return 'files' in one ? (
              <GroupRow key={file.id} group={one} newest={file} {...names} />
            ) : (
              <FileRow
                key={file.id}
                file={file}
                transfer={transfers.find(({ id }) => id === file.id)}
                {...names}
              />
            )
          })}
        </ul>
      </RovingList>
      {(newer !== null || older !== null) && (
        <Group justify="space-between">
          <Button size="xs" variant="default" disabled={newer === null} onClick={() => newer?.()}>
            {t('window.files.newer')}
          </Button>
          <Button size="xs" variant="default" disabled={older === null} onClick={() => older?.()}>
            {t('window.files.older')}
          </Button>
        </Group>
      )}
    </>
  )
}
