import type { ReactNode } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { ChannelsPart } from '../channels/channels-part.tsx'

/** Sets the notification channels; each can be tested. */
export default function ToldStep({ state, nav }: { state: AppState; nav: ReactNode }) {
  return (
    <>
      <ChannelsPart state={state} />
      {nav}
    </>
  )
}
