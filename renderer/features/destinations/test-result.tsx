import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { Breakable } from '../../ui/breakable.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Draft } from './draft.ts'
import type { Tested } from './use-destination-test.ts'

const steps: Record<Tested['steps'][number]['step'], WordKey> = {
  connect: 'window.destinations.step.connect',
  write: 'window.destinations.step.write',
  read: 'window.destinations.step.read',
  remove: 'window.destinations.step.remove',
}

/** '': nothing was confirmed yet. */
export type Confirmed = Pick<Draft, 'hostKey' | 'certificate'>

interface TestResultProps {
  tested: Tested
  /** As the person has confirmed it before. */
  confirmed: Confirmed
  /** The person says that what was found is right; null: nothing can be changed here. */
  onConfirm: ((changes: Partial<Confirmed>) => void) | null
}

/** What a test did, step by step, what came of it, and what the person has to confirm. */
export function TestResult({ tested, confirmed, onConfirm }: TestResultProps) {
  const { t, say, format } = useWords()
  const { works, sentence, found } = tested
  const part = useRef<HTMLElement>(null)
  // What it says, and what can be done about it, may have been pushed out of sight. Before another one it goes.
  useEffect(() => part.current?.closest('form')?.scrollIntoView({ block: 'end' }), [])
  const key = unconfirmed(found.hostKey, confirmed.hostKey)
  const certificate = unconfirmed(found.certificate, confirmed.certificate)
  const asks = !works && (key !== null || certificate !== null)
  // Of a receiver that works there is no further step.
  const shown = tested.steps.filter(({ ms }) => ms !== null || !works)
  return (
    <section
      ref={part}
      className="preview test-result"
      aria-label={t('window.destinations.testTitle')}
      aria-live="polite"
    >
      {!asks && (
        <ul className="steps">
          {shown.map(({ step, done, ms }) => (
            <li key={step}>
              {/* What works although a step did not can do without it. */}
              <HealthMark level={done ? 'ok' : ms === null || works ? 'unknown' : 'failing'} />
              <span>{t(steps[step])}</span>
              {ms !== null && <span className="dimmed figures">{format.delay(ms)}</span>}
            </li>
          ))}
        </ul>
      )}
      {!asks && (
        <p className={works ? 'good' : 'card-problem'}>
          <Breakable text={say(sentence)} />
        </p>
      )}
      {key !== null && !works && (
        <Confirmation
          isChanged={confirmed.hostKey !== ''}
          words="hostKey"
          before={confirmed.hostKey}
          found={key}
          onConfirm={onConfirm && (() => onConfirm({ hostKey: key }))}
        />
      )}
      {certificate !== null && !works && (
        <Confirmation
          isChanged={confirmed.certificate !== ''}
          words="certificate"
          before={confirmed.certificate}
          found={certificate}
          onConfirm={onConfirm && (() => onConfirm({ certificate }))}
        />
      )}
      {found.warning !== undefined && <p className="card-problem warn breakable">{say(found.warning)}</p>}
      {found.notes.map((note) => (
        <p key={JSON.stringify(note)} className="dimmed breakable">
          {say(note)}
        </p>
      ))}
    </section>
  )
}

/** What was found, unless it is what the person has confirmed. */
function unconfirmed(found: string | undefined, confirmed: string): string | null {
  return found === undefined || found === confirmed ? null : found
}

interface ConfirmationProps {
  words: 'hostKey' | 'certificate'
  /** Another one was confirmed once. */
  isChanged: boolean
  before: string
  found: string
  onConfirm: (() => void) | null
}

/** Asks whether a key or certificate that a server shows is the right one. */
export function Confirmation({ words, isChanged, before, found, onConfirm }: ConfirmationProps) {
  const { t } = useWords()
  return (
    <div className="confirmation">
      <h4>{t(`window.destinations.${words}.${isChanged ? 'changed' : 'found'}`)}</h4>
      {isChanged && <code className="selectable breakable dimmed">{before}</code>}
      <code className="selectable breakable">{found}</code>
      <p className="dimmed">{t(`window.destinations.${words}.${isChanged ? 'changedHint' : 'foundHint'}`)}</p>
      {onConfirm !== null && (
        <div>
          <Button size="xs" variant="light" color={isChanged ? 'red' : 'harbour'} onClick={onConfirm}>
            {t(`window.destinations.${words}.${isChanged ? 'trustNew' : 'trust'}`)}
          </Button>
        </div>
      )}
    </div>
  )
}
