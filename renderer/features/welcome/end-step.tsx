import { type ReactNode, useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { useWords } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { summarizeFirstRun } from './ending.ts'

/** Summarizes the settings and their effects, including what is missing. */
export default function EndStep({ state, nav }: { state: AppState; nav: ReactNode }) {
  const words = useWords()
  const { t } = words
  const bridge = useBridge()
  const isPage = useIsPage()
  const [startsAtLogin, setStarts] = useState<boolean | null>(null)
  useEffect(() => {
    if (isPage) return
    bridge.call('loginStart', {}).then(
      ({ on }) => setStarts(on),
      () => setStarts(null),
    )
  }, [bridge, isPage])
  return (
    <>
      <ul className="card done-list">
        {summarizeFirstRun(state, startsAtLogin).map(({ key, names, isWell }) => (
          <li key={key} className="breakable" data-well={isWell}>
            {t(key, { names: namesInLine(names, words) })}
          </li>
        ))}
      </ul>
      {nav}
    </>
  )
}
