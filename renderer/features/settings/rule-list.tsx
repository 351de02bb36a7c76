import { ActionIcon, Button } from '@mantine/core'
import { useState } from 'react'
import type { SendRule } from '../../../core/settings/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { IconPlus, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { daysInWords } from './limit-form.ts'
import { RuleEditor } from './rule-editor.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface RuleListProps {
  rules: readonly SendRule[]
  /** Answers when `rules` are what was saved: before that, another change would take it back. */
  save: (rules: SendRule[]) => ReturnType<Save>
}

/** A rule in one line: days and times, and what is sent then. */
function inWords({ days, from, to, allow }: SendRule, { t, format, language }: Words) {
  const between = t(from < to ? 'window.limit.between' : 'window.limit.betweenNext', { from, to })
  const when = `${daysInWords(days, language) ?? t('window.limit.everyDay')} · ${between}`
  const what =
    typeof allow === 'number'
      ? t('window.limit.atMost', { rate: format.rate(allow) })
      : t(`window.limit.allow.${allow}`)
  return { when, what }
}

/** The times of the week at which sending may use more or less of the line. A new one goes before the others. */
export function RuleList({ rules, save }: RuleListProps) {
  const words = useWords()
  const { t, say } = words
  const [adding, setAdding] = useState(false)
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

  return (
    <div>
      <div className="setting-label">
        <span>{t('window.limit.rules')}</span> <SavedMark at={savedAt} />
      </div>
      <p className="dimmed">{t(rules.length === 0 ? 'window.limit.noRules' : 'window.limit.rulesHint')}</p>
      <ol className="send-rules">
        {rules.map((rule, index) => {
          const { when, what } = inWords(rule, words)
          return (
            <li key={JSON.stringify([rule, index])} className="row spread">
              <span>
                {when}
                <span className="dimmed">{` · ${what}`}</span>
              </span>
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={busy}
                aria-label={t('window.limit.remove', { rule: `${when} · ${what}` })}
                onClick={() => keep(rules.filter((_, other) => other !== index))}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </li>
          )
        })}
      </ol>
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
      {adding ? (
        <RuleEditor
          busy={busy}
          onAdd={async (rule) => {
            if (await keep([rule, ...rules])) setAdding(false)
          }}
          onCancel={() => setAdding(false)}
        />
      ) : (
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={15} />}
          onClick={() => setAdding(true)}
        >
          {t('window.limit.add')}
        </Button>
      )}
    </div>
  )
}
