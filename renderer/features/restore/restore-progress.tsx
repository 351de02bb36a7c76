import { Button, CloseButton, Group } from '@mantine/core'
import { useState } from 'react'
import { describeRestore, RESTORE_NOTICE } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { PathText } from '../../ui/path-text.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { destinationName, type HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'

type Restore = NonNullable<AppState['restore']>

interface RestoreProgressProps {
  restore: Restore
  destinations: readonly DestinationState[]
  /** It has a button that closes the result. */
  isClosable?: boolean
}

/** Shows the progress of a restore, or the result of the last one. */
export function RestoreProgress({ restore, destinations, isClosable = false }: RestoreProgressProps) {
  const words = useWords()
  const { t, say } = words
  const { run } = useCommands()
  const { phase, to, sentence, failed, failures, kept, keptPaths } = restore
  const from = destinations.find(({ id }) => id === restore.destination)
  const isRunning = phase === 'running'
  const isSingle = phase === 'done' && kept === 1 && restore.restored + restore.same + failed === 0
  return (
    <section className="card restore-report" aria-label={t('window.restore.progress')} aria-live="polite">
      <div className="row">
        {!isRunning && <HealthMark level={getLevel(restore)} />}
        <div className="row-words">
          <h3>
            {phase === 'done'
              ? say(describeRestore(restore))
              : t(`window.restore.phase.${phase}`, {
                  from: from === undefined ? '' : destinationName(from, t),
                })}
          </h3>
          {to !== null && phase !== 'done' && <PathText path={to} />}
        </div>
        {isClosable && !isRunning && (
          <CloseButton
            aria-label={t('window.close')}
            onClick={() => run('dismissNotice', { id: RESTORE_NOTICE })}
          />
        )}
      </div>
      {isRunning && <Bar restore={restore} />}
      {/* The title names a single file and its result. */}
      {!isSingle && (
        <p className="figures-line dimmed">
          {(isRunning ? formatProgress(restore, words) : formatResults(restore, words)).join(' · ')}
        </p>
      )}
      {sentence !== null && <p className="card-problem breakable">{say(sentence)}</p>}
      <Failures count={failed} failures={failures} />
      <Renamed {...restore} />
      {!isSingle && <Named title={t('window.restore.keptTitle')} count={kept} lines={keptPaths} />}
      <Group gap="xs">
        {isRunning ? (
          <Button
            size="xs"
            variant="default"
            onClick={() => run('restoreStop', {}, 'window.restore.phase.stopped')}
          >
            {t('window.restore.stop')}
          </Button>
        ) : (
          to !== null && (
            <DesktopOnly>
              <Button size="xs" variant="default" onClick={() => run('showRestored', {})}>
                {t('window.showDirectory')}
              </Button>
            </DesktopOnly>
          )
        )}
        {!isRunning && kept > 0 && (
          <>
            <Replace count={kept} />
            <Button size="xs" variant="default" onClick={() => run('restoreKept', { conflict: 'keepBoth' })}>
              {t('window.restore.keepBoth')}
            </Button>
          </>
        )}
      </Group>
    </section>
  )
}

/** Offers to replace existing files, whose number is known only after the restore. */
function Replace({ count }: { count: number }) {
  const { t } = useWords()
  const { ask } = useCommands()
  const [asked, setAsked] = useState(false)
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setAsked(true)}>
        {t('window.restore.replaceThem')}
      </Button>
      <Confirm
        opened={asked}
        title={t('window.restore.replaceAsk', { count })}
        consequences={[t('window.restore.replaceLost')]}
        action={t('window.restore.replace')}
        dangerous
        onClose={() => setAsked(false)}
        onConfirm={() => ask('restoreKept', { conflict: 'replace' })}
      />
    </>
  )
}

/** Lists the first files that failed, and each command that fixes a failure, to be copied. */
function Failures({ count, failures }: { count: number; failures: Restore['failures'] }) {
  const { t, say } = useWords()
  const commands = new Set(failures.flatMap(({ params: { command } }) => command ?? []).map(String))
  return (
    <>
      <Named title={t('window.restore.failedTitle')} count={count} lines={failures.map(say)} />
      {[...commands].map((command) => (
        <Copyable key={command} text={command} label="window.pair.copy" done="window.pair.copied" />
      ))}
    </>
  )
}

/** Lists the first files that have other names than before; the title names a single one beside another file. */
function Renamed({ restored, renamed, renames, besidePaths }: Restore) {
  const { t, say } = useWords()
  const lines = [...renames.map(say), ...(restored > 1 ? besidePaths : [])]
  const count = lines.length === 0 ? 0 : renamed
  return <Named title={t('window.restore.renamedTitle')} count={count} lines={lines} />
}

interface NamedProps {
  title: string
  /** The total number. */
  count: number
  /** The first ones. */
  lines: readonly string[]
}

function Named({ title, count, lines }: NamedProps) {
  const { t } = useWords()
  if (count === 0) return null
  return (
    <div className="restore-named">
      <p>{title}</p>
      <ul>
        {lines.map((line) => (
          <li key={line} className="breakable">
            {line}
          </li>
        ))}
        {count > lines.length && (
          <li className="dimmed">{t('window.restore.others', { count: count - lines.length })}</li>
        )}
      </ul>
    </div>
  )
}

function getLevel({ phase, failed, kept }: Restore): HealthLevel {
  if (phase === 'failed') return 'failing'
  return phase === 'stopped' || failed + kept > 0 ? 'attention' : 'ok'
}

function Bar({ restore: { bytes, totalBytes } }: { restore: Restore }) {
  const { t } = useWords()
  if (totalBytes === null || totalBytes === 0) return null
  const fraction = Math.min(1, bytes / totalBytes)
  return (
    <div
      className="bar"
      role="progressbar"
      aria-label={t('window.restore.progress')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(fraction * 100)}
    >
      <div style={{ transform: `scaleX(${fraction})` }} />
    </div>
  )
}

/** Describes the restored amount, the rate and the time left. */
function formatProgress(
  { files, bytes, totalFiles, totalBytes, rate, left }: Restore,
  { t, format }: Words,
): string[] {
  return [
    totalFiles === null
      ? t('window.restore.files', { count: files })
      : t('window.restore.filesOf', { done: format.count(files), count: totalFiles }),
    totalBytes === null
      ? format.bytes(bytes)
      : t('window.restore.bytesOf', { done: format.bytes(bytes), all: format.bytes(totalBytes) }),
    ...(rate > 0 ? [format.rate(rate)] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
  ]
}

/** Counts the files by result. */
function formatResults({ restored, same, kept, failed, bytes }: Restore, { t, format }: Words): string[] {
  const counted: [number, WordKey][] = [
    [restored, 'window.restore.restored'],
    [same, 'window.restore.same'],
    [kept, 'window.restore.kept'],
    [failed, 'window.restore.failed'],
  ]
  return [
    ...counted.flatMap(([count, word]) => (count > 0 ? [t(word, { count })] : [])),
    ...(bytes > 0 ? [format.bytes(bytes)] : []),
  ]
}
