import { type ReactNode, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { type Addable, KindForm, KindList } from '../destinations/add-dialog.tsx'
import { getKindWord, kinds } from '../destinations/kinds.ts'
import { DoneList } from './done-list.tsx'

/** Adds a destination; without one, copies are kept on this computer only. */
export default function WhereStep({ state, nav }: { state: AppState; nav: ReactNode }) {
  const { t } = useWords()
  const [kind, setKind] = useState<Addable | null>(null)
  const { sources, destinations } = state.settings
  const toList = () => setKind(null)
  const beforeFirst = sources.length === 0 ? 'first.where.nothing' : 'first.where.explain'
  return (
    <>
      <DoneList
        lines={destinations.map((one) => {
          const now = state.destinations.find(({ id }) => id === one.id)
          return { id: one.id, text: one.name, about: t(getKindWord({ elsewhere: true, ...one, ...now })) }
        })}
      />
      {kind === null ? (
        <>
          <p className="dimmed">{t(destinations.length === 0 ? beforeFirst : 'first.where.more')}</p>
          <div className="card">
            <KindList onChoose={setKind} />
          </div>
          {nav}
        </>
      ) : (
        <section className="card" aria-label={t(kinds[kind].word)}>
          <h3>{t(kinds[kind].word)}</h3>
          <KindForm kind={kind} state={state} onBack={toList} onDone={toList} />
        </section>
      )}
    </>
  )
}
