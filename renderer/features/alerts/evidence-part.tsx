import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'
import type { Incident } from './incidents.ts'

type Evidence = NonNullable<CommandOutput<'evidence'>['evidence']>

/** Shows the sentences about what caused an incident. */
export function Cause({ incident }: { incident: Incident }) {
  const { say } = useWords()
  return (incident.cause ?? []).map((sentence) => (
    <p key={sentence.key} className="breakable selectable">
      {say(sentence)}
    </p>
  ))
}

/** Shows, once it is unfolded, what the system reported before and after the failure of a disk. */
export function EvidencePart({ incident: { id, cause } }: { incident: Incident }) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [isOpen, setOpen] = useState(false)
  const { value, failure, isPending } = useAnswer({
    question: isOpen ? id : null,
    // A later reading may explain it.
    version: JSON.stringify(cause),
    ask: () => bridge.call('evidence', { id }),
  })
  return (
    <details
      className="folded"
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      aria-busy={isPending}
    >
      <summary>{t('cause.title')}</summary>
      {failure !== null && <p className="breakable">{say(failure)}</p>}
      {value !== null &&
        (value.evidence === null ? <p>{t('cause.unrecorded')}</p> : <Reported evidence={value.evidence} />)}
    </details>
  )
}

function Reported({ evidence }: { evidence: Evidence }) {
  const { failedAt, cause, lines, omitted, files, facts, unread } = evidence
  const { t, say } = useWords()
  const before = lines.filter(({ at }) => at <= failedAt)
  const after = lines.filter(({ at }) => at > failedAt)
  const isUnexplained = cause.length === 0 && unread.length === 0
  return (
    <>
      {unread.map((one) => (
        <p key={one.key} className="breakable selectable">
          {say(one)}
        </p>
      ))}
      {files.map((one) => (
        <p key={one.params.path} className="breakable selectable">
          {say(one)}
        </p>
      ))}
      {isUnexplained && <p>{t('cause.none', { count: lines.length })}</p>}
      <Lines title={message('cause.before', { at: failedAt })} lines={before} />
      <Lines title={message('cause.after', { at: failedAt })} lines={after} />
      {omitted > 0 && <p className="dimmed">{t('cause.omitted', { count: omitted })}</p>}
      {facts.length > 0 && (
        <details className="folded">
          <summary>{t('cause.facts')}</summary>
          <pre className="reported selectable">
            {facts.map(({ place, text }) => `${place}\n  ${text.replaceAll('\n', '\n  ')}`).join('\n')}
          </pre>
        </details>
      )}
    </>
  )
}

function Lines({ title, lines }: { title: Message; lines: Evidence['lines'] }) {
  const { say, format } = useWords()
  const now = useNow()
  if (lines.length === 0) return null
  return (
    <>
      <p className="dimmed">{say(title)}</p>
      <pre className="reported selectable">
        {lines.map(({ at, text }) => `${format.exactMoment(at, now)}  ${text}`).join('\n')}
      </pre>
    </>
  )
}
