import { Button } from '@mantine/core'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { baseName } from '../../format/path.ts'
import { useCommands } from '../../state/commands.tsx'
import type { FileState, LedgerFile, Transfer } from '../../state/types.ts'
import { IconRefresh } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { getSentFraction } from '../../ui/progress-row.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { FileGroup } from './file-groups.ts'

const stateWords: Record<FileState, WordKey> = {
  waiting: 'window.files.isWaiting',
  sent: 'window.files.isSent',
  parked: 'window.files.isParked',
}

interface FileRowProps extends NamesProps {
  file: LedgerFile
  /** Its transfer in progress; undefined if there is none. */
  transfer: Transfer | undefined
}

/** Shows a group of small files as a row that expands to their names. */
export function GroupRow({ group, newest, sourceName, destinationName }: GroupRowProps) {
  const { t, format } = useWords()
  const count = group.files.length
  return (
    <li data-state="sent">
      <details className="file-group">
        <summary>
          <span className="file-group-line">
            <span className="clip">
              {group.directory === ''
                ? t('window.files.together', { count })
                : t('window.files.togetherIn', { count, directory: group.directory })}
            </span>
            <span className="figures">{format.bytes(group.bytes)}</span>
          </span>
        </summary>
        <ul className="dimmed">
          {group.files.map(({ id, path }) => (
            <li key={id} className="breakable">
              {baseName(path)}
            </li>
          ))}
        </ul>
      </details>
      <div className="spread dimmed">
        <span>
          {t('window.files.isSent')} {newest.sentAt !== null && <Ago at={newest.sentAt} />}
          {newest.isDeleted === true && ` · ${t('window.files.deleted')}`}
        </span>
        <Names sourceName={sourceName} destinationName={destinationName} />
      </div>
    </li>
  )
}

interface NamesProps {
  sourceName: string | undefined
  destinationName: string | undefined
}

interface GroupRowProps extends NamesProps {
  group: FileGroup
  newest: LedgerFile
}

/** Shows the source and the destination, if there are several. */
function Names({ sourceName, destinationName }: NamesProps) {
  const { t } = useWords()
  if (sourceName === undefined && destinationName === undefined) return null
  return (
    <span className="clip">
      {sourceName}
      {destinationName !== undefined && ` ${t('window.destination.arrow', { name: destinationName })}`}
    </span>
  )
}

export function FileRow({ file, transfer, sourceName, destinationName }: FileRowProps) {
  const { t, say, format } = useWords()
  const { run } = useCommands()
  return (
    <li data-state={file.state}>
      <div className="spread">
        <PathText path={file.path} />
        <span className="figures">{format.bytes(file.size)}</span>
      </div>
      <div className="spread dimmed">
        <span className={file.state === 'parked' ? 'bad' : undefined}>
          {file.state === 'waiting' && transfer !== undefined
            ? `${t('window.files.isOnItsWay')} · ${format.percent(getSentFraction(transfer))}`
            : t(stateWords[file.state])}
          {file.sentAt !== null && file.state === 'sent' && (
            <>
              {' '}
              <Ago at={file.sentAt} />
            </>
          )}
          {file.removedAt !== null && (
            <span title={format.fullMoment(file.removedAt)}> · {t('window.files.removed')}</span>
          )}
          {file.isDeleted === true && ` · ${t('window.files.deleted')}`}
          {file.state !== 'sent' &&
            file.attempts > 0 &&
            ` · ${t('window.files.attempts', { count: file.attempts })}`}
        </span>
        <Names sourceName={sourceName} destinationName={destinationName} />
      </div>
      {file.reason !== null && file.state !== 'sent' && (
        <p className="file-reason breakable">{say(file.reason)}</p>
      )}
      {file.state === 'parked' && (
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconRefresh size={13} />}
          aria-label={t('window.files.retryOne', { path: file.path })}
          onClick={() => run('retryParked', { id: null, file: file.id }, 'window.files.retried')}
        >
          {t('window.files.retry')}
        </Button>
      )}
    </li>
  )
}
