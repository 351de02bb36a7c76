import { Button, Group, SegmentedControl, Skeleton } from '@mantine/core'
import { useState } from 'react'
import type { WordKey } from '../../../core/words/message.ts'
import { useFiles } from '../../state/files.ts'
import type { FileState, LedgerFile } from '../../state/types.ts'
import { PathText } from '../../ui/path-text.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'

type Filter = FileState | 'all'

const filters: readonly { value: Filter; word: WordKey }[] = [
  { value: 'all', word: 'window.files.all' },
  { value: 'waiting', word: 'window.files.waiting' },
  { value: 'sent', word: 'window.files.sent' },
  { value: 'parked', word: 'window.files.parked' },
]

interface FileListProps {
  /** null: of every source. */
  source: string | null
  /** Anything that changes when the ledger did. */
  version: string
  /** Names of sources by id, where files of several are shown. */
  sourceNames?: ReadonlyMap<string, string>
  /** Names of destinations by id, where there are several. */
  destinationNames?: ReadonlyMap<string, string>
  initialFilter?: Filter
}

/** The ledger, newest first, a page at a time. */
export function FileList({
  source,
  version,
  sourceNames,
  destinationNames,
  initialFilter = 'all',
}: FileListProps) {
  const { t } = useWords()
  const [filter, setFilter] = useState<Filter>(initialFilter)
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
      <FilePage
        key={`${source} ${filter}`}
        source={source}
        filter={filter}
        version={version}
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
  version: string
  sourceNames: ReadonlyMap<string, string> | undefined
  destinationNames: ReadonlyMap<string, string> | undefined
}

function FilePage({ source, filter, version, sourceNames, destinationNames }: FilePageProps) {
  const { t, say } = useWords()
  const { page, failure, newer, older } = useFiles(
    { source, state: filter === 'all' ? null : filter },
    version,
  )
  return (
    <>
      {failure !== null && (
        <p className="card-problem breakable">{t('window.files.failure', { reason: say(failure) })}</p>
      )}
      {page === null && failure === null && <Skeleton height={80} animate={false} />}
      {page?.files.length === 0 && <p className="dimmed">{t(emptyWords[filter])}</p>}
      <ul className="files">
        {page?.files.map((file) => (
          <FileRow
            key={file.id}
            file={file}
            sourceName={sourceNames?.get(file.source)}
            destinationName={destinationNames?.get(file.destination)}
          />
        ))}
      </ul>
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

const stateWords: Record<FileState, WordKey> = {
  waiting: 'window.files.isWaiting',
  sent: 'window.files.isSent',
  parked: 'window.files.isParked',
}

interface FileRowProps {
  file: LedgerFile
  sourceName: string | undefined
  destinationName: string | undefined
}

function FileRow({ file, sourceName, destinationName }: FileRowProps) {
  const { t, say, format } = useWords()
  return (
    <li data-state={file.state}>
      <div className="spread">
        <PathText path={file.path} />
        <span className="figures">{format.bytes(file.size)}</span>
      </div>
      <div className="spread dimmed">
        <span className={file.state === 'parked' ? 'bad' : undefined}>
          {t(stateWords[file.state])}
          {file.sentAt !== null && file.state === 'sent' && (
            <>
              {' '}
              <Ago at={file.sentAt} />
            </>
          )}
          {file.removedAt !== null && (
            <span title={format.fullMoment(file.removedAt)}> · {t('window.files.removed')}</span>
          )}
          {file.state !== 'sent' &&
            file.attempts > 0 &&
            ` · ${t('window.files.attempts', { count: file.attempts })}`}
        </span>
        {(sourceName !== undefined || destinationName !== undefined) && (
          <span className="clip">
            {sourceName}
            {destinationName !== undefined && ` ${t('window.destination.arrow', { name: destinationName })}`}
          </span>
        )}
      </div>
      {file.reason !== null && file.state !== 'sent' && (
        <p className="file-reason breakable">{say(file.reason)}</p>
      )}
    </li>
  )
}
