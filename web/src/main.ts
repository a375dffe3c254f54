import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import './lib/theme.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has an element with the id app');

export default mount(App, { target });
