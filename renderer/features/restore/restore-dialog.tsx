import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { PathButton } from '../destinations/path-button.tsx'
import { destinationName } from '../overview/describe.ts'
import { type Computer, formatComputer, readMoment, type Spot, type Version } from './browse.ts'

/** The place and version to restore. */
export interface Chosen {
  spot: Spot
  /** An older version of a file; null for the newest. */
  version: Version | null
  isFile: boolean
}

interface RestoreDialogProps {
  destination: DestinationState
  /** The computer whose files are restored; null for this one. */
  computer: Computer | null
  /** null while the dialog is closed. */
  chosen: Chosen | null
  settings: AppState['settings']
  onClose: () => void
}

/** Asks for the target directory and the point in time before restoring. */
export function RestoreDialog({ destination, computer, chosen, settings, onClose }: RestoreDialogProps) {
  const { t } = useWords()
  const known = settings.destinations.find(({ id }) => id === destination.id)
  const isOwnEncrypted = known !== undefined && 'recipient' in known && known.recipient !== null
  const isEncrypted = computer?.isEncrypted ?? isOwnEncrypted
  return (
    <FormDialog opened={chosen !== null} title={t('window.restore.dialogTitle')} onClose={onClose}>
      {chosen !== null && (
        <RestoreForm
          destination={destination}
          computer={computer}
          chosen={chosen}
          isEncrypted={isEncrypted}
          onClose={onClose}
        />
      )}
    </FormDialog>
  )
}

interface RestoreFormProps {
  destination: DestinationState
  computer: Computer | null
  chosen: Chosen
  isEncrypted: boolean
  onClose: () => void
}

function RestoreForm({ destination, computer, chosen, isEncrypted, onClose }: RestoreFormProps) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const [draft, setDraft] = useState<Draft>({ to: '', when: '', identity: '' })
  const change = (changes: Partial<Draft>) => setDraft((now) => ({ ...now, ...changes }))
  const bridge = useBridge()
  const [proposed, setProposed] = useState('')
  // Propose a new directory.
  useEffect(() => {
    bridge.call('restoreDirectory', {}).then(
      ({ path }) => {
        setProposed(path)
        setDraft((now) => (now.to === '' ? { ...now, to: path } : now))
      },
      () => undefined,
    )
  }, [bridge])
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const [tried, setTried] = useState(false)
  useHold(draft.to !== proposed || draft.when !== '' || draft.identity !== '', busy)
  const wish = buildCommand(draft, { destination, computer, chosen, isEncrypted })

  const start = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (busy || wish === null) return
    setBusy(true)
    const outcome = await ask('restoreStart', wish)
    setBusy(false)
    if (outcome.done) onClose()
    else setRefusal(outcome.sentence)
  }

  return (
    <form onSubmit={start} noValidate>
      <Stack gap="sm">
        <What destination={destination} computer={computer} chosen={chosen} />
        <Fields
          draft={draft}
          tried={tried}
          hasTime={chosen.version === null}
          isEncrypted={isEncrypted}
          onChange={change}
        />
        {refusal !== null && (
          <p className="card-problem breakable" role="alert">
            {say(refusal)}
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onClose}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} data-autofocus>
            {t('window.restore.start')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** The form's input. */
interface Draft {
  to: string
  when: string
  identity: string
}

/** Builds the command for the agent; null if a field is missing or invalid. */
function buildCommand(
  { to, when, identity }: Draft,
  { destination, computer, chosen: { spot, version }, isEncrypted }: Omit<RestoreFormProps, 'onClose'>,
): CommandInput<'restoreStart'> | null {
  const at = readMoment(when)
  const key = identity.trim()
  if (to.trim() === '' || at === 'invalid' || (isEncrypted && key === '')) return null
  return {
    destination: destination.id,
    computer: computer?.folder ?? null,
    folder: spot.folder,
    path: spot.path === '' ? null : spot.path,
    version: version?.version ?? null,
    at: version === null ? at : null,
    to: to.trim(),
    ...(key === '' ? {} : { identity: key }),
  }
}

interface FieldsProps {
  draft: Draft
  /** The user tried to submit: missing fields are marked. */
  tried: boolean
  /** A point in time can be chosen. */
  hasTime: boolean
  isEncrypted: boolean
  onChange: (changes: Partial<Draft>) => void
}

function Fields({ draft: { to, when, identity }, tried, hasTime, isEncrypted, onChange }: FieldsProps) {
  const { t, format } = useWords()
  const at = readMoment(when)
  const missing = (value: string) => (tried && value.trim() === '' ? t('window.channel.missing') : null)
  return (
    <>
      <div className="with-button">
        <TextInput
          label={t('window.restore.to')}
          value={to}
          maxLength={4096}
          spellCheck={false}
          onChange={(event) => onChange({ to: event.currentTarget.value })}
          error={missing(to)}
        />
        <PathButton what="directory" onChoose={(path) => onChange({ to: path })} />
      </div>
      <p className="setting-hint dimmed">
        {t('window.sentences', {
          first: t('window.restore.toHint'),
          second: t('window.restore.staysHint'),
        })}
      </p>
      {hasTime && (
        <TextInput
          type="datetime-local"
          step={1}
          label={t('window.restore.at')}
          // The field uses the desktop's order of day and month: the text below it is unambiguous.
          description={typeof at === 'number' ? format.fullMoment(at) : t('window.restore.atHint')}
          value={when}
          onChange={(event) => onChange({ when: event.currentTarget.value })}
          error={at === 'invalid' ? t('window.restore.atInvalid') : null}
        />
      )}
      {isEncrypted && (
        <TextInput
          type="password"
          autoComplete="off"
          label={t('window.restore.identity')}
          description={t('window.restore.identityHint')}
          placeholder="AGE-SECRET-KEY-1…"
          value={identity}
          maxLength={200}
          spellCheck={false}
          onChange={(event) => onChange({ identity: event.currentTarget.value })}
          error={missing(identity)}
        />
      )}
    </>
  )
}

function What({
  destination,
  computer,
  chosen: { spot, version },
}: Omit<RestoreFormProps, 'isEncrypted' | 'onClose'>) {
  const { t } = useWords()
  const from = destinationName(destination, t)
  const what = [spot.folder, spot.path].filter((part) => part !== null && part !== '').join('/')
  return (
    <Text size="sm" className="breakable">
      {spot.folder === null &&
        computer !== null &&
        t('window.restore.whatAllOf', { from, computer: formatComputer(computer) })}
      {spot.folder === null
        ? computer === null && t('window.restore.whatAll', { from })
        : t('window.restore.whatIs', { what, from })}
      {version !== null && (
        <span className="dimmed">
          {' '}
          {t('window.restore.storedAt')} <At at={version.storedAt} />
        </span>
      )}
    </Text>
  )
}
