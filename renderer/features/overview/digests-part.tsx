import { Button, Checkbox, Group, NativeSelect, TextInput } from '@mantine/core'
import { useId, useState } from 'react'
import type { CommandInput, CommandOutput } from '../../../core/agent/contract.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from '../settings/saved-mark.tsx'

const kinds = sourceSchema.shape.digests.unwrap().element.options

type Form = CommandInput<'saveManifest'>['form']
/** The forms of a list, with the digest that each needs. */
const forms = {
  sha256sum: 'sha256',
  md5sum: 'md5',
  bagit: 'sha256',
  'ro-crate': 'sha256',
} as const satisfies Record<Form, (typeof kinds)[number]>
const allForms = Object.keys(forms) as Form[]

/**
 * Chooses which digests of each file are recorded when it is sent; a choice is saved at once. Below, the recorded ones
 * are saved as a list.
 */
export function DigestsPart({ settings }: { settings: SourceState['settings'] }) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const title = useId()
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const { id, digests } = settings

  const save = async (kind: (typeof kinds)[number], isOn: boolean) => {
    const next = kinds.filter((one) => (one === kind ? isOn : digests.includes(one)))
    const outcome = await ask('changeSource', { id, changes: { digests: next } })
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <section className="card" aria-label={t('window.digests.title')}>
      <div className="setting-label">
        <span id={title}>{t('window.digests.title')}</span> <SavedMark at={savedAt} />
      </div>
      <p className="dimmed setting-hint">{t('window.digests.hint')}</p>
      <Group role="group" aria-labelledby={title} gap="lg" mt="xs">
        {kinds.map((kind) => (
          <Checkbox
            key={kind}
            label={t(`window.digests.${kind}`)}
            checked={digests.includes(kind)}
            onChange={(event) => void save(kind, event.currentTarget.checked)}
          />
        ))}
      </Group>
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
      {digests.length > 0 && <SaveList id={id} digests={digests} />}
    </section>
  )
}

/** Saves the list in a form: in the desktop by its dialog, in a browser as a download, which has no directories. */
function SaveList({ id, digests }: Pick<SourceState['settings'], 'id' | 'digests'>) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const isPage = useIsPage()
  const offered = allForms.filter((one) => digests.includes(forms[one]) && !(isPage && one === 'bagit'))
  const [chosen, setChosen] = useState<Form | null>(null)
  const form = offered.find((one) => one === chosen) ?? offered[0]
  const [license, setLicense] = useState('')
  const [savedLicense, setSavedLicense] = useState('')
  const [isSaving, setIsSaving] = useState(false)
  const [results, setResults] = useState<Message[]>([])
  const [refusal, setRefusal] = useState<Message | null>(null)
  useHold(license !== savedLicense, false)
  if (form === undefined) return null

  const given = form === 'ro-crate' ? parseLicense(license) : null

  const save = async () => {
    setIsSaving(true)
    setRefusal(null)
    try {
      const made = await bridge.call('saveManifest', { id, form, license: given ?? null })
      setResults(made === null ? [] : toSentences(made))
      if (made !== null) setSavedLicense(license)
    } catch (error) {
      setResults([])
      setRefusal(sentenceOfThrown(error))
    } finally {
      setIsSaving(false)
    }
  }

  return (
    <>
      <Group gap="xs" mt="sm" align="end">
        <NativeSelect
          size="xs"
          label={t('window.digests.form')}
          value={form}
          onChange={({ currentTarget }) =>
            setChosen(offered.find((one) => one === currentTarget.value) ?? null)
          }
          data={offered.map((value) => ({ value, label: t(`window.digests.form.${value}`) }))}
        />
        <Button
          size="xs"
          variant="default"
          loading={isSaving}
          disabled={given === undefined}
          onClick={() => void save()}
        >
          {t('window.digests.save')}
        </Button>
      </Group>
      {form === 'ro-crate' && (
        <TextInput
          mt="xs"
          size="xs"
          type="url"
          label={t('window.digests.license')}
          description={t('window.digests.licenseHint')}
          value={license}
          maxLength={1000}
          spellCheck={false}
          onChange={(event) => setLicense(event.currentTarget.value)}
          error={given === undefined ? t('window.digests.licenseWrong') : null}
        />
      )}
      <div role="status">
        {results.map((result) => (
          <p key={result.key} className="dimmed setting-hint breakable">
            {say(result)}
          </p>
        ))}
      </div>
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </>
  )
}

/** Returns the address of a licence as typed; null: none; undefined: it is no web address. */
export function parseLicense(typed: string): string | null | undefined {
  const text = typed.trim()
  if (text === '') return null
  return /^https?:\/\/./i.test(text) && URL.canParse(text) ? text : undefined
}

function toSentences(made: NonNullable<CommandOutput<'saveManifest'>>): Message[] {
  const { path, files, leftOut, damaged, notDurable } = made
  const unrecorded = leftOut - damaged
  return [
    path === null
      ? message('window.digests.listed', { count: files })
      : message('window.digests.saved', { count: files, file: path }),
    ...(unrecorded > 0 ? [message('window.digests.leftOut', { count: unrecorded })] : []),
    ...(damaged > 0 ? [message('window.digests.damaged', { count: damaged })] : []),
    ...(notDurable > 0 ? [message('window.digests.notDurable', { count: notDurable })] : []),
  ]
}
