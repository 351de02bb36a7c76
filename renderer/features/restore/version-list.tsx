import { Button, Loader } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { Version } from './browse.ts'

interface VersionListProps {
  question: CommandInput<'restoreVersions'>
  isRestoring: boolean
  /** The contents can be opened without a key. */
  mayView: boolean
  /** null for the current version. */
  onChoose: (version: Version | null) => void
}

/** Lists the versions of a file at a destination, newest first. */
export function VersionList({
  question: { destination, computer, folder, path },
  isRestoring,
  mayView,
  onChoose,
}: VersionListProps) {
  const { t, say, format } = useWords()
  const bridge = useBridge()
  const { run } = useCommands()
  const [versions, setVersions] = useState<readonly Version[] | null>(null)
  const [failure, setFailure] = useState<Message | null>(null)
  useEffect(() => {
    let isOver = false
    bridge.call('restoreVersions', { destination, computer, folder, path }).then(
      (answer) => !isOver && setVersions(answer.versions),
      (error) => !isOver && setFailure(sentenceOfThrown(error)),
    )
    return () => {
      isOver = true
    }
  }, [bridge, destination, computer, folder, path])
  if (failure !== null) return <p className="card-problem breakable">{say(failure)}</p>
  if (versions === null) return <Loader size="xs" m={6} />
  return (
    <ul className="versions" aria-label={t('window.restore.versionsOf', { name: path })}>
      {versions.map((version) => (
        <li key={version.version}>
          <span className="listing-words">
            <span>{t(version.version === '' ? 'window.restore.current' : 'window.restore.older')}</span>
            <span className="dimmed figures">
              {t('window.restore.storedAt')} <At at={version.storedAt} isExact /> ·{' '}
              {format.bytes(version.size)}
            </span>
          </span>
          {mayView && (
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() =>
                run('viewStored', {
                  ...{ destination, computer, folder, path },
                  version: version.version === '' ? null : version.version,
                })
              }
            >
              {t('window.restore.view')}
            </Button>
          )}
          <Button
            size="compact-xs"
            variant="default"
            disabled={isRestoring}
            onClick={() => onChoose(version.version === '' ? null : version)}
          >
            {t('window.restore.menu')}
          </Button>
        </li>
      ))}
    </ul>
  )
}
