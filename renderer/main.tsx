import { logDroppedErrors } from '../core/dropped-errors.ts'
import '@fontsource-variable/inter/wght.css'
import './ui/styles/index.css'
import { MantineProvider } from '@mantine/core'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { HoldfastWindow } from './features/frame/window.tsx'
import { HoldfastPage } from './page/holdfast-page.tsx'
import { BridgeProvider } from './state/bridge.tsx'
import { styleNonce } from './ui/style-nonce.ts'
import { colourVariables, theme } from './ui/theme.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')

const nonce = styleNonce()
logDroppedErrors((_level, text) => console.debug(text), true)

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={colourVariables}
      getStyleNonce={() => nonce}
    >
      {'holdfast' in window ? (
        <BridgeProvider bridge={window.holdfast}>
          <HoldfastWindow />
        </BridgeProvider>
      ) : (
        // In a browser, there is no preload script. Loaded on demand, the page would be delayed by 300 ms more: React
        // shows no content sooner after a fallback.
        <HoldfastPage />
      )}
    </MantineProvider>
  </StrictMode>,
)
