import { Button, Group, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { FileMenu } from '../file/file-menu.tsx'
import { FileLink } from '../file/file-name.tsx'
import { isEncryptedAt } from '../restore/browse.ts'
import { destinationName, getDestinationStates } from './describe.ts'
import { type Comparison, countCompared, describeComparison } from './describe-comparison.ts'

/** Compares a source's files at a destination with a list that the person chooses; its progress, or the last result. */
export function ComparePart({ source, state }: { source: SourceState; state: AppState }) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const { id } = source.settings
  const offered = getDestinationStates(source, state.destinations)
  const [chosen, setChosen] = useState<string | null>(null)
  const [identity, setIdentity] = useState('')
  const [usedIdentity, setUsedIdentity] = useState('')
  const [refusal, setRefusal] = useState<Message | null>(null)
  useHold(identity !== usedIdentity, false)
  const destination = offered.find((one) => one.id === chosen) ?? offered[0]
  if (destination === undefined) return null
  const { comparison, destinations } = state
  const isRunning = comparison?.phase === 'running'
  const isEncrypted = isEncryptedAt(destination, null, state.settings)
  const compared = destinations.find((one) => one.id === comparison?.destination)

  const start = async () => {
    const key = isEncrypted ? { identity: identity.trim() } : {}
    const outcome = await ask('compareList', { id, destination: destination.id, ...key })
    if (outcome.done) setUsedIdentity(identity)
    setRefusal(outcome.done ? null : outcome.sentence)
  }

  return (
    <section className="card" aria-label={t('window.compare.title')}>
      <div className="setting-label">{t('window.compare.title')}</div>
      <p className="dimmed setting-hint">{t('window.compare.hint')}</p>
      {isEncrypted && (
        <TextInput
          mt="xs"
          type="password"
          autoComplete="off"
          label={t('window.restore.identity')}
          placeholder="AGE-SECRET-KEY-1…"
          value={identity}
          maxLength={200}
          spellCheck={false}
          onChange={(event) => setIdentity(event.currentTarget.value)}
        />
      )}
      <Group gap="xs" mt="sm" align="end">
        {offered.length > 1 && (
          <NativeSelect
            size="xs"
            label={t('window.compare.at')}
            value={destination.id}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={offered.map((one) => ({ value: one.id, label: destinationName(one, t) }))}
          />
        )}
        <Button
          size="xs"
          variant="default"
          disabled={isRunning || (isEncrypted && identity.trim() === '')}
          onClick={() => void start()}
        >
          {t('window.compare.choose')}
        </Button>
      </Group>
      {/* A running one can be stopped in each folder's details. */}
      {comparison !== null && (isRunning || comparison.source === id) && (
        <Result comparison={comparison} name={compared === undefined ? '' : destinationName(compared, t)} />
      )}
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </section>
  )
}

function Result({ comparison, name }: { comparison: Comparison; name: string }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const { phase, sentence, differences, damaged, missing, unreadable } = comparison
  const all = damaged + missing + unreadable
  return (
    <Stack gap={6} mt="sm" role="status">
      <p className="breakable">{say(describeComparison(comparison, name))}</p>
      {sentence !== null && <p className="card-problem breakable">{say(sentence)}</p>}
      <p className="dimmed figures-line">{countCompared(comparison).map(say).join(' · ')}</p>
      {all > 0 && (
        <>
          <ul className="plain setting-hint">
            {differences.map(({ path, kind }) => (
              <li key={path} className="spread">
                <FileLink file={{ source: comparison.source, path }} name={path} />
                <span className="dimmed">{t(`window.compare.is.${kind}`)}</span>
                <FileMenu file={{ source: comparison.source, path }} />
              </li>
            ))}
            {all > differences.length && (
              <li className="dimmed">{t('window.restore.others', { count: all - differences.length })}</li>
            )}
          </ul>
          <p className="dimmed setting-hint">{t('window.compare.notSent')}</p>
        </>
      )}
      {phase === 'running' && (
        <Group>
          <Button size="xs" variant="default" onClick={() => run('stopComparing', {})}>
            {t('window.restore.stop')}
          </Button>
        </Group>
      )}
    </Stack>
  )
}
