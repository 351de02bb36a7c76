import { Button, Group, Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type DestinationKind, getKind } from '../../../core/backends/kinds.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { firstInvalid, focusAfter } from '../../ui/focus.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { type Draft, type Given, newDraft } from './draft.ts'
import { EncryptionPart } from './encryption-part.tsx'
import { TextField } from './fields.tsx'
import { getForm, readDraft, suggestName, toDraft } from './forms.ts'
import { KindFields } from './kind-fields.tsx'
import { TestResult } from './test-result.tsx'
import { type Question, useDestinationTest } from './use-destination-test.ts'

export interface Known {
  settings: Destination
  /** Names of the destination's stored secrets. */
  stored: readonly string[]
}

interface DestinationFormProps {
  kind: DestinationKind
  /** The destination to edit; null to add one. */
  known: Known | null
  state: AppState
  /** Returns to the choice of the kind; null if there is none. */
  onBack: (() => void) | null
  onDone: () => void
}

/** Form for a folder or a server. It has to pass a test before it is added or saved. */
export function DestinationForm(props: DestinationFormProps) {
  const { kind, known, state, onBack, onDone } = props
  const { t, say } = useWords()
  const Fields = getForm(kind)?.Fields
  const form = useForm(props)
  const { draft, change, problems, tested, refusal, busy } = form
  const fields = {
    draft,
    problems: form.tried ? problems : {},
    stored: known?.stored ?? [],
    isKnown: known !== null,
    secretStorage: state.secretStorage,
    onChange: change,
  }
  const action = tested?.works !== true ? 'test' : known === null ? 'add' : 'save'
  return (
    <form onSubmit={form.submit} noValidate>
      <Stack gap="sm">
        {Fields === undefined ? <KindFields {...fields} kind={kind} /> : <Fields {...fields} />}
        <TextField {...fields} field="name" maxLength={200} placeholder={suggestName(kind, draft)} />
        {getKind(kind).encrypts && <EncryptionPart {...fields} />}
        {tested !== null && <TestResult tested={tested} confirmed={draft} onConfirm={form.confirm} />}
        {refusal !== null && <UserError text={say(refusal)} />}
        {form.tried && Object.keys(problems).length > 0 && (
          <UserError text={t('window.destinations.incomplete')} />
        )}
        <Group justify="flex-end" gap="xs">
          {onBack !== null && (
            <Button variant="subtle" color="gray" disabled={busy} onClick={onBack} mr="auto">
              {t('window.back')}
            </Button>
          )}
          <Button variant="default" disabled={form.isSaving} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy}>
            {t(`window.destinations.${action}`)}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** Holds the form's state and the last test's result. Submitting tests until a test succeeds, then saves. */
function useForm({ kind, known, onDone }: DestinationFormProps) {
  const { ask, tell } = useCommands()
  const stored = known?.stored ?? []
  const [before] = useState(() => (known === null ? newDraft() : toDraft(known.settings, stored)))
  const [draft, setDraft] = useState<Draft>(before)
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [isSaving, setSaving] = useState(false)
  const { test, isTesting, findResult } = useDestinationTest()
  useHold(JSON.stringify(draft) !== JSON.stringify(before), isSaving)
  const buildQuestion = (wanted: Draft) => {
    const { given } = readDraft(kind, wanted, stored)
    return given === null || known === null ? given : { ...given, id: known.settings.id }
  }
  const question = buildQuestion(draft)
  const tested = findResult(question)

  const save = async ({ destination, secrets }: Pick<Question, 'secrets'> & { destination: Given }) => {
    setSaving(true)
    const outcome =
      known !== null
        ? await ask('changeDestination', { id: known.settings.id, destination, secrets })
        : await ask('addDestination', { destination: notPaired(destination), secrets })
    setSaving(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message(known === null ? 'window.destinations.added' : 'window.destinations.changed'))
    onDone()
  }
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setRefusal(null)
    if (isSaving || isTesting) return
    const form = event.currentTarget
    if (question === null)
      focusAfter(
        () => setTried(true),
        () => firstInvalid(form),
      )
    else if (tested?.works === true) await save(question)
    else await test(question)
  }
  const change = (changes: Partial<Draft>) => setDraft((now) => ({ ...now, ...changes }))
  /** Accepts the host key or certificate that was found, and repeats the test with it. */
  const confirm = (changes: Partial<Draft>) => {
    change(changes)
    const next = buildQuestion({ ...draft, ...changes })
    if (next !== null) void test(next)
  }
  const { problems } = readDraft(kind, draft, stored)
  const busy = isSaving || isTesting
  return { draft, change, problems, tried, tested, refusal, busy, isSaving, submit, confirm }
}

/** Narrows the type: a receiver has the pairing form instead. */
function notPaired(destination: Given): Exclude<Given, { kind: 'receiver' }> {
  if (destination.kind === 'receiver') throw new Error('a receiver is paired with')
  return destination
}

function UserError({ text }: { text: string }) {
  return (
    <p className="card-problem breakable" role="alert">
      {text}
    </p>
  )
}
