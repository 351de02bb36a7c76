import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import type { Bridge } from '../../../core/agent/contract.ts'
import { BridgeProvider } from '../../../renderer/state/bridge.tsx'
import { CommandsProvider } from '../../../renderer/state/commands.tsx'
import { theme } from '../../../renderer/ui/theme.ts'
import { WordsProvider } from '../../../renderer/words/context.tsx'
import type { Language } from '../../../renderer/words/dictionaries.ts'

/** An agent that never answers. */
export const silentBridge: Bridge = {
  kind: 'window',
  call: () => new Promise(() => undefined),
  on: () => () => undefined,
  pathOfDropped: () => '',
}

/** What a page says, without its markup: names for screen readers included, in order. */
export function renderWords(page: React.ReactNode, language: Language = 'en'): string {
  return renderMarkup(page, language)
    .replace(/<style[^>]*>.*?<\/style>/gs, '')
    .replace(/aria-label="([^"]*)"/g, '>[$1]<')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
}

export function renderMarkup(
  page: React.ReactNode,
  language: Language = 'en',
  bridge = silentBridge,
): string {
  return renderToStaticMarkup(
    <MantineProvider theme={theme}>
      <BridgeProvider bridge={bridge}>
        <WordsProvider language={language}>
          <CommandsProvider>{page}</CommandsProvider>
        </WordsProvider>
      </BridgeProvider>
    </MantineProvider>,
  )
}
