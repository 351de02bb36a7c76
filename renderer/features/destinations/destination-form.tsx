import { Button, Group, Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Destination } from '../../../core/settings/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { type Draft, draftOf, type GivenKind, newDraft, readDraft, usualName } from './draft.ts'
import { EncryptionPart } from './encryption-part.tsx'
import { TextField } from './fields.tsx'
import { FolderFields } from './folder-fields.tsx'
import { S3Fields } from './s3-fields.tsx'
import { SftpFields } from './sftp-fields.tsx'
import { TestResult } from './test-result.tsx'
import { useDestinationTest } from './use-destination-test.ts'

export interface Known {
  settings: Exclude<Destination, { kind: 'receiver' }>
  /** Names of the secrets that are kept for it. */
  stored: readonly string[]
}

interface DestinationFormProps {
  kind: GivenKind
  /** The one to be changed; null: a new one. */
  known: Known | null
  state: AppState
  /** To the choice of the kind; null: there is none. */
  onBack: (() => void) | null
  onDone: () => void
}

/** What a folder, an SFTP server or a bucket needs: it is tested as it stands here, then added or saved. */
export function DestinationForm({
  kind,
  known,
  state: { secretStorage },
  onBack,
  onDone,
}: DestinationFormProps) {
  const { t, say } = useWords()
  const { ask, tell } = useCommands()
  const [before] = useState(() => (known === null ? newDraft() : draftOf(known.settings, known.stored)))
  const [draft, setDraft] = useState<Draft>(before)
  const change = (changes: Partial<Draft>) => setDraft((now) => ({ ...now, ...changes }))
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const { test, isTesting, testedOf } = useDestinationTest()
  useHold(JSON.stringify(draft) !== JSON.stringify(before), busy)
  const stored = known?.stored ?? []
  const { given, problems } = readDraft(kind, draft, stored)
  const question = given === null ? null : { ...given, ...(known === null ? {} : { id: known.settings.id }) }
  const tested = testedOf(question)
  const works = tested?.works === true
  const shown = tried ? problems : {}
  const fields = { draft, problems: shown, stored, isKnown: known !== null, secretStorage, onChange: change }

  const save = async () => {
    if (given === null) return
    setBusy(true)
    const outcome =
      known === null
        ? await ask('addDestination', given)
        : await ask('changeDestination', { ...given, id: known.settings.id })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message(known === null ? 'window.destinations.added' : 'window.destinations.changed'))
    onDone()
  }
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setTried(true)
    setRefusal(null)
    if (busy || isTesting) return
    if (question === null) return comeToProblem(event.currentTarget)
    if (works) await save()
    else await test(question)
  }
  const confirm = (changes: Partial<Draft>) => {
    change(changes)
    const next = readDraft(kind, { ...draft, ...changes }, stored).given
    if (next !== null) void test({ ...next, ...(known === null ? {} : { id: known.settings.id }) })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {kind === 'folder' && <FolderFields {...fields} />}
        {kind === 'sftp' && <SftpFields {...fields} />}
        {kind === 's3' && <S3Fields {...fields} />}
        <TextField {...fields} field="name" maxLength={200} placeholder={usualName(kind, draft)} />
        {kind !== 'folder' && <EncryptionPart {...fields} />}
        {tested !== null && <TestResult tested={tested} confirmed={draft} onConfirm={confirm} />}
        {refusal !== null && (
          <p className="card-problem breakable" role="alert">
            {say(refusal)}
          </p>
        )}
        {tried && given === null && (
          <p className="card-problem" role="alert">
            {t('window.destinations.incomplete')}
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          {onBack !== null && (
            <Button variant="subtle" color="gray" disabled={busy || isTesting} onClick={onBack} mr="auto">
              {t('window.back')}
            </Button>
          )}
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy || isTesting}>
            {t(
              !works
                ? 'window.destinations.test'
                : known === null
                  ? 'window.destinations.add'
                  : 'window.destinations.save',
            )}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** The first field that is wrong, once it is marked as that. */
function comeToProblem(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}
