import { Button, Group, Switch, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { temporaryNames } from '../../../core/filter/temporary.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useFilterPreview } from '../../state/filter-preview.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { AmountInput } from './amount-input.tsx'
import { byteUnits, type Draft, findChanges, keepDiffering, readDraft, timeUnits, toDraft } from './draft.ts'
import { PatternHelp } from './pattern-help.tsx'
import { PreviewPart } from './preview-part.tsx'
import { PriorityChoice } from './priority-choice.tsx'

interface FiltersFormProps {
  settings: SourceState['settings']
  onDone: () => void
}

/** Form for a source's filters, with a preview while typing. The settings change only on saving. */
export default function FiltersForm({ settings, onDone }: FiltersFormProps) {
  const { t, say } = useWords()
  const { ask, tell } = useCommands()
  const [typed, setTyped] = useState<Partial<Draft>>({})
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const set = toDraft(settings)
  const draft = { ...set, ...typed }
  const { filters, problems } = readDraft(draft)
  const isUnchanged = Object.keys(keepDiffering(set, typed)).length === 0
  useHold(!isUnchanged, busy)
  const shown = useFilterPreview(settings.id, filters)
  const change = (changes: Partial<Draft>) => {
    setTyped((before) => keepDiffering(set, { ...before, ...changes }))
    setRefusal(null)
  }

  const save = async (event: FormEvent) => {
    event.preventDefault()
    if (filters === null) return
    setBusy(true)
    const changes = findChanges(settings, { ...filters, priority: draft.priority })
    const outcome = await ask('changeSource', { id: settings.id, changes })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message('window.filters.saved'))
    onDone()
  }

  return (
    <form
      className="filters"
      onSubmit={save}
      onKeyDown={(event) => {
        // Escape must not discard typed text.
        if (event.key === 'Escape' && isUnchanged) onDone()
      }}
    >
      <FilterFields draft={draft} root={settings.path} problems={problems} onChange={change} />
      <PreviewPart shown={shown} />
      {refusal !== null && (
        <p className="card-problem breakable" role="alert">
          {say(refusal)}
        </p>
      )}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onDone}>
          {t('window.cancel')}
        </Button>
        <Button type="submit" loading={busy} disabled={filters === null}>
          {t('window.filters.save')}
        </Button>
      </Group>
    </form>
  )
}

interface FilterFieldsProps {
  draft: Draft
  /** The source's path. */
  root: string
  problems: ReturnType<typeof readDraft>['problems']
  onChange: (changes: Partial<Draft>) => void
}

function FilterFields({ draft, root, problems, onChange }: FilterFieldsProps) {
  const { t, say } = useWords()
  const isWindows = navigator.userAgent.includes('Windows')
  return (
    <>
      <Textarea
        label={t('window.filters.patterns')}
        description={t('window.filters.patternsHint', { exception: '!keep.log' })}
        placeholder={'*.log\ncache/'}
        error={problems.patterns === undefined ? undefined : say(problems.patterns)}
        value={draft.patterns}
        onChange={(event) => onChange({ patterns: event.currentTarget.value })}
        rows={4}
        spellCheck={false}
        classNames={{ input: 'patterns' }}
        // The user opened the form: its first field gets the focus.
        autoFocus
      />
      <PatternHelp patterns={draft.patterns} root={root} onChange={(patterns) => onChange({ patterns })} />
      <Switch
        label={t('window.filters.hidden')}
        description={t('window.filters.hiddenHint')}
        checked={draft.hidden === 'send'}
        onChange={(event) => onChange({ hidden: event.currentTarget.checked ? 'send' : 'leave-out' })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      <Switch
        label={t('window.filters.temporary')}
        description={t('window.filters.temporaryHint')}
        checked={draft.temporary === 'send'}
        onChange={(event) => onChange({ temporary: event.currentTarget.checked ? 'send' : 'leave-out' })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      <details className="folded">
        <summary>{t('window.filters.temporaryNames')}</summary>
        <p className="dimmed breakable">{temporaryNames.join('  ')}</p>
      </details>
      <Switch
        label={t('settings.source.oneFileSystem')}
        description={t(
          isWindows ? 'settings.source.oneFileSystemWindows' : 'settings.source.oneFileSystemHint',
        )}
        checked={draft.oneFileSystem}
        onChange={(event) => onChange({ oneFileSystem: event.currentTarget.checked })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      <div className="amounts">
        <AmountInput
          label="window.filters.least"
          placeholder="window.filters.noLimit"
          units={byteUnits}
          amount={draft.least}
          problem={problems.least}
          onChange={(least) => onChange({ least })}
        />
        <AmountInput
          label="window.filters.most"
          placeholder="window.filters.noLimit"
          units={byteUnits}
          amount={draft.most}
          problem={problems.most}
          onChange={(most) => onChange({ most })}
        />
      </div>
      <AmountInput
        label="window.filters.age"
        hint="window.filters.ageHint"
        placeholder="window.filters.atOnce"
        units={timeUnits}
        amount={draft.age}
        problem={problems.age}
        onChange={(age) => onChange({ age })}
      />
      <PriorityChoice value={draft.priority} onChange={(priority) => onChange({ priority })} />
    </>
  )
}
