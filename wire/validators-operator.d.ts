// Written at build time by compile.ts: one function a channel and kind, without eval.
import type { Validators } from './codec.ts'
export declare const validators: Validators
