import { SegmentedControl, Textarea, UnstyledButton } from '@mantine/core'
import { useId, useRef } from 'react'
import { type ChannelType, templateNames } from '../../../core/alerts/channels/catalog.ts'
import { useTemplatePreview } from '../../state/template-preview.ts'
import { focusAfter } from '../../ui/focus.ts'
import { useWords } from '../../words/context.tsx'

/** As in core/alerts/settings.ts, which would add its schemas to the bundle; the agent checks it too. */
const LONGEST_TEMPLATE = 2_000

interface TemplatePartProps {
  type: ChannelType
  /** The default template of the channel's type. */
  usual: string
  /** null for the default. */
  template: string | null
  problem: string | null
  onChange: (template: string | null) => void
}

/** Edits the message template, the default or a custom one with names in braces, with a preview. */
export function TemplatePart({ type, usual, template, problem, onChange }: TemplatePartProps) {
  const { t, say } = useWords()
  const id = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  const { value: text, failure } = useTemplatePreview({ type, template })

  const insert = (name: string) => {
    const { selectionStart, selectionEnd } = field.current ?? { selectionStart: 0, selectionEnd: 0 }
    const before = template ?? ''
    const word = `{${name}}`
    const after = before.slice(0, selectionStart) + word + before.slice(selectionEnd)
    focusAfter(
      () => onChange(after.slice(0, LONGEST_TEMPLATE)),
      () => field.current,
    )
    field.current?.setSelectionRange(selectionStart + word.length, selectionStart + word.length)
  }

  return (
    <div className="template">
      <div className="setting-label" id={id}>
        {t('window.template.title')}
      </div>
      <SegmentedControl
        fullWidth
        aria-labelledby={id}
        value={template === null ? 'usual' : 'own'}
        onChange={(value) => onChange(value === 'usual' ? null : usual)}
        data={[
          { value: 'usual', label: t('window.template.usual') },
          { value: 'own', label: t('window.template.own') },
        ]}
      />
      {template !== null && (
        <>
          <Textarea
            ref={field}
            aria-label={t('window.template.text')}
            value={template}
            maxLength={LONGEST_TEMPLATE}
            minRows={2}
            maxRows={8}
            autosize
            spellCheck={false}
            classNames={{ input: 'patterns' }}
            onChange={(event) => onChange(event.currentTarget.value)}
            error={problem}
          />
          <details className="examples">
            <summary>{t('window.template.names')}</summary>
            <ul>
              {templateNames.map((name) => (
                <li key={name} className="template-name">
                  <UnstyledButton
                    aria-label={t('window.template.insert', { name: `{${name}}` })}
                    onClick={() => insert(name)}
                  >
                    <code>{`{${name}}`}</code>
                  </UnstyledButton>
                  <span>{t(`window.template.name.${name}`)}</span>
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
      {failure !== null && <p className="card-problem breakable">{say(failure)}</p>}
      {text !== null && (
        <figure className="preview" aria-label={t('window.template.preview')}>
          <figcaption className="dimmed">{t('window.template.preview')}</figcaption>
          <p className="template-text selectable breakable">{text}</p>
        </figure>
      )}
    </div>
  )
}
