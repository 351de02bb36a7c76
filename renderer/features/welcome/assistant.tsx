import { Button, Group } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useIsPage } from '../../state/desktop-only.tsx'
import { useWords } from '../../words/context.tsx'
import { ProtectStep } from './protect-step.tsx'
import { pageSteps, type Step, stepBeside, steps } from './steps.ts'

// Loaded on demand, with their forms: the first step does not wait for them.
const WhereStep = lazy(() => import('./where-step.tsx'))
const ToldStep = lazy(() => import('./told-step.tsx'))
const LoginStep = lazy(() => import('./login-step.tsx'))
const EndStep = lazy(() => import('./end-step.tsx'))

interface AssistantProps {
  state: AppState
  step: Step
  /** null ends the assistant. */
  onStep: (step: Step | null) => void
}

/** The first-run assistant: sources, destination, notifications, start at login. Each step is optional. */
export function Assistant({ state, step, onStep }: AssistantProps) {
  const { t } = useWords()
  const all = useIsPage() ? pageSteps : steps
  const title = useRef<HTMLHeadingElement>(null)
  const shown = useRef(step)
  // Shown once: going back must not switch it on again.
  const [isLoginShown, setLoginShown] = useState(false)
  // The pressed button is at the end of the former step: the focus moves to the new step's title.
  useEffect(() => {
    if (shown.current !== step) title.current?.focus()
    shown.current = step
  }, [step])
  return (
    <section className="stack assistant" aria-label={t('first.title')}>
      <div>
        <p className="dimmed">{t('first.step', { number: all.indexOf(step) + 1, most: all.length })}</p>
        <h2 ref={title} tabIndex={-1}>
          {t(`first.${step}.title`)}
        </h2>
      </div>
      <Suspense fallback={null}>
        <StepContent
          step={step}
          state={state}
          onBegin={() => onStep(step)}
          login={{ isFirst: !isLoginShown, onShown: () => setLoginShown(true) }}
          nav={<Nav state={state} all={all} step={step} onStep={onStep} />}
        />
      </Suspense>
    </section>
  )
}

interface StepContentProps {
  step: Step
  state: AppState
  /** Called when the first step begins an action: the source that it adds must not end the assistant. */
  onBegin: () => void
  login: { isFirst: boolean; onShown: () => void }
  /** The buttons for back and next; a step hides them while its own form has such buttons. */
  nav: ReactNode
}

function StepContent({ step, state, onBegin, login, nav }: StepContentProps) {
  switch (step) {
    case 'protect':
      return <ProtectStep state={state} onBegin={onBegin} nav={nav} />
    case 'where':
      return <WhereStep state={state} nav={nav} />
    case 'told':
      return <ToldStep state={state} nav={nav} />
    case 'login':
      return <LoginStep {...login} nav={nav} />
    case 'end':
      return <EndStep state={state} nav={nav} />
  }
}

/** True if the step is completed: the button then reads "next" instead of "skip". */
function isDone(step: Step, { settings }: AppState): boolean {
  if (step === 'protect') return settings.sources.length + settings.checkedPaths.length > 0
  if (step === 'where') return settings.destinations.length > 0
  return true
}

function Nav({ state, all, step, onStep }: AssistantProps & { all: readonly Step[] }) {
  const { t } = useWords()
  const [before, next] = [stepBeside(all, step, -1), stepBeside(all, step, 1)]
  const done = isDone(step, state)
  return (
    <Group justify="space-between" gap="xs">
      {before === null ? (
        <span />
      ) : (
        <Button variant="subtle" color="gray" onClick={() => onStep(before)}>
          {t('window.back')}
        </Button>
      )}
      <Button variant={done ? 'filled' : 'default'} onClick={() => onStep(next)}>
        {t(onWord(next, step, done))}
      </Button>
    </Group>
  )
}

function onWord(next: Step | null, step: Step, done: boolean): WordKey {
  if (next === null) return 'first.close'
  if (done) return 'first.next'
  return step === 'where' ? 'first.where.skip' : 'first.skip'
}
