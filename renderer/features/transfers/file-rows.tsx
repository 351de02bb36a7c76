import { Button } from '@mantine/core'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import type { FileState, LedgerFile, Transfer } from '../../state/types.ts'
import { IconRefresh } from '../../ui/icons.ts'
import { getSentFraction } from '../../ui/progress-row.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { FileMenu } from '../file/file-menu.tsx'
import { FileName } from '../file/file-name.tsx'
import type { FileGroup } from './file-groups.ts'

/** A file on this computer alone counts as copied. */
const getStateWord = (state: FileState, isHere: boolean): WordKey => {
  if (state === 'sent') return isHere ? 'window.files.isCopied' : 'window.files.isSent'
  return state === 'parked' ? 'window.files.isParked' : 'window.files.isWaiting'
}

interface FileRowProps extends PlaceProps {
  file: LedgerFile
  /** Its transfer in progress; undefined if there is none. */
  transfer: Transfer | undefined
}

/** Shows a group of small files as a row that expands to their names, wherever it is pressed. */
export function GroupRow({ group, newest, isHere, ...names }: GroupRowProps) {
  const { t, format } = useWords()
  const count = group.files.length
  return (
    <li data-state="sent">
      <details className="file-group">
        <summary>
          <span className="file-group-line spread">
            <span className="clip">
              {group.directory === ''
                ? t('window.files.together', { count })
                : t('window.files.togetherIn', { count, directory: group.directory })}
            </span>
            <span className="figures">{format.bytes(group.bytes)}</span>
          </span>
          <span className="file-group-line spread dimmed">
            <span>
              {t(getStateWord('sent', isHere))} {newest.sentAt !== null && <Ago at={newest.sentAt} />}
              {newest.isDeleted === true && ` · ${t('window.files.deleted')}`}
            </span>
            <Names {...names} />
          </span>
        </summary>
        <ul className="dimmed">
          {group.files.map((file) => (
            <li key={file.id} className="spread">
              <FileName file={file} isShort />
              <FileMenu file={file} />
            </li>
          ))}
        </ul>
      </details>
    </li>
  )
}

interface NamesProps {
  sourceName: string | undefined
  destinationName: string | undefined
}

interface PlaceProps extends NamesProps {
  /** The destination is on this computer. */
  isHere: boolean
}

interface GroupRowProps extends PlaceProps {
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

export function FileRow({ file, transfer, isHere, ...names }: FileRowProps) {
  const { t, say, format } = useWords()
  const { run } = useCommands()
  return (
    <li data-state={file.state}>
      <div className="spread">
        <FileName file={file} />
        <span className="file-end figures">
          {format.bytes(file.size)}
          <FileMenu file={file} />
        </span>
      </div>
      <div className="spread dimmed">
        <span className={file.state === 'parked' ? 'bad' : undefined}>
          {file.state === 'waiting' && transfer !== undefined
            ? `${t('window.files.isOnItsWay')} · ${format.percent(getSentFraction(transfer))}`
            : t(getStateWord(file.state, isHere))}
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
        <Names {...names} />
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
