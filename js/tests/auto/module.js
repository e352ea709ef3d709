import "../package/dist/auto.js";
import "./answer.js";
