import { ActionIcon } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { Message, WordKey } from '../../../core/lib/i18n/message.ts'
import type { SendRule } from '../../../core/settings/schema.ts'
import { AddButton } from '../../ui/add-button.tsx'
import { IconArrowDown, IconArrowUp, IconPencil, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { daysInWords, movedRule } from './limit-form.ts'
import { RuleEditor } from './rule-editor.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface RuleListProps {
  rules: readonly SendRule[]
  /** Resolves when `rules` has the saved value: an earlier change would be based on the old rules and undo this one. */
  save: (rules: SendRule[]) => ReturnType<Save>
}

/** Describes a rule in one line: days and times, and the allowance. */
export function describeRule({ days, from, to, allow }: SendRule, { t, format, language }: Words) {
  const between =
    from === '00:00' && to === '00:00'
      ? t('window.limit.allDay')
      : t(from < to ? 'window.limit.between' : 'window.limit.betweenNext', { from, to })
  const when = `${daysInWords(days, language) ?? t('window.limit.everyDay')} · ${between}`
  const what =
    typeof allow === 'number'
      ? t('window.limit.atMost', { rate: format.rate(allow) })
      : t(`window.limit.allow.${allow}`)
  return { when, what }
}

/** Lists the rules of the weekly schedule, in order of precedence. */
export function RuleList({ rules, save }: RuleListProps) {
  const { t, say } = useWords()
  /** The index of the rule being edited. */
  const [editing, setEditing] = useState<number | 'new' | null>(null)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const [busy, setBusy] = useState(false)

  const keep = async (next: SendRule[]) => {
    setBusy(true)
    const outcome = await save(next)
    setBusy(false)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
    return outcome.done
  }
  const editor = (before: SendRule | null, withRule: (rule: SendRule) => SendRule[]) => (
    <RuleEditor
      before={before}
      busy={busy}
      onSave={async (rule) => {
        if (await keep(withRule(rule))) setEditing(null)
      }}
      onCancel={() => setEditing(null)}
    />
  )

  return (
    <div>
      <div className="setting-label">
        <span>{t('window.limit.rules')}</span> <SavedMark at={savedAt} />
      </div>
      <p className="dimmed">{t(rules.length === 0 ? 'window.limit.noRules' : 'window.limit.rulesHint')}</p>
      <ol className="send-rules">
        {rules.map((rule, index) => (
          <li key={JSON.stringify([rule, index])}>
            {editing === index ? (
              editor(rule, (changed) => rules.with(index, changed))
            ) : (
              <RuleRow
                rule={rule}
                busy={busy}
                isFirst={index === 0}
                isLast={index === rules.length - 1}
                onMove={(by) => void keep(movedRule(rules, index, by))}
                onEdit={() => setEditing(index)}
                onRemove={() => void keep(rules.toSpliced(index, 1))}
              />
            )}
          </li>
        ))}
      </ol>
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
      {editing === 'new' ? (
        editor(null, (rule) => [rule, ...rules])
      ) : (
        <AddButton label="window.limit.add" onClick={() => setEditing('new')} />
      )}
    </div>
  )
}

interface RuleRowProps {
  rule: SendRule
  busy: boolean
  isFirst: boolean
  isLast: boolean
  onMove: (by: -1 | 1) => void
  onEdit: () => void
  onRemove: () => void
}

function RuleRow({ rule, busy, isFirst, isLast, onMove, onEdit, onRemove }: RuleRowProps) {
  const words = useWords()
  const { when, what } = describeRule(rule, words)
  const name = `${when} · ${what}`
  const action = (key: WordKey, icon: ReactNode, disabled: boolean, onClick: () => void) => (
    <ActionIcon
      variant="subtle"
      color="gray"
      disabled={disabled}
      aria-label={words.t(key, { rule: name })}
      onClick={onClick}
    >
      {icon}
    </ActionIcon>
  )
  return (
    <div className="row spread">
      <span className="row-words">
        <span>{when}</span>
        <span className="dimmed">{what}</span>
      </span>
      <span className="rule-actions">
        {action('settings.rule.up', <IconArrowUp size={16} />, busy || isFirst, () => onMove(-1))}
        {action('settings.rule.down', <IconArrowDown size={16} />, busy || isLast, () => onMove(1))}
        {action('settings.rule.change', <IconPencil size={16} />, busy, onEdit)}
        {action('window.limit.remove', <IconTrash size={16} />, busy, onRemove)}
      </span>
    </div>
  )
}
