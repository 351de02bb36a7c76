import { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { CommandAnswer } from '../../core/agent/answer.ts'
import type { Bridge, CommandOutput } from '../../core/agent/contract.ts'

// It runs before every page, so it loads nothing: the main process has handlers for the contract's commands alone, and
// validates what goes in and what comes out.
const bridge: Bridge = {
  call: async (command, input) => {
    const answer: CommandAnswer = await ipcRenderer.invoke(command, input)
    if ('sentence' in answer) return Promise.reject(answer.sentence)
    return answer.output as CommandOutput<typeof command>
  },
  on: (event, listener) => {
    const forward = (_event: unknown, payload: Parameters<typeof listener>[0]) => listener(payload)
    ipcRenderer.on(event, forward)
    return () => void ipcRenderer.off(event, forward)
  },
  pathOfDropped: (file) => webUtils.getPathForFile(file),
}

contextBridge.exposeInMainWorld('holdfast', bridge)
